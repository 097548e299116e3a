// Headless Chromium (the system's) with a fresh profile for each launch, removed when it closes.
import { chromium } from 'playwright-core';

const EXECUTABLE = process.env.CHROMIUM ?? '/usr/bin/chromium';

// No GPU and often root on a CI machine; and nothing but what a test opens may use the network.
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

// A busy machine of two cores must not fail a test: generous, since a condition ends each wait.
export const WAIT_MS = 60_000;

/** Starts a browser; `flags` are added to the usual ones (`--host-resolver-rules=…` for invented names). */
export async function launchBrowser({ flags = [] } = {}) {
  return chromium.launch({
    executablePath: EXECUTABLE,
    headless: true,
    args: [...FLAGS, ...flags],
    timeout: WAIT_MS,
  });
}

/** A page in a context of its own: no cookies, a laptop's size. `options` are those of Playwright's `newContext`. */
export async function newPage(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1100, height: 800 }, ...options });
  context.setDefaultTimeout(WAIT_MS);
  return context.newPage();
}
