// The page that a person sees whose request is rejected, from the filter in real Envoy.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { WAIT_MS } from '../lib/browser.mjs';
import { visits } from '../lib/visits.mjs';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

const PHONE = { viewport: { width: 320, height: 640 }, isMobile: true, hasTouch: true };
const FORGED = '/?attack=forged';

const { url: gateway, open: visit } = visits();
let page, requested, messages;

async function open(url, options) {
  const opened = await visit(url, options);
  ({ page, requests: requested, messages } = opened);
  return opened.response;
}

/** Whether all of the page's text is inside the window, at a size that people can read. */
const isReadable = () => {
  const fits = document.documentElement.scrollWidth <= window.innerWidth;
  const texts = [...document.querySelectorAll('h1, p')];
  return fits && texts.every((text) => parseFloat(getComputedStyle(text).fontSize) >= 14);
};

/** Keeps a picture if the variable SCREENSHOTS names a folder. */
async function picture(name) {
  if (process.env.SCREENSHOTS) await page.screenshot({ path: `${process.env.SCREENSHOTS}/${name}.png` });
}

test('a person reads what happened, what to do, and what to tell the administrators', async () => {
  const response = await open(gateway(FORGED));
  assert.equal(response.status(), 401);
  assert.equal(await page.title(), 'You are not logged in');
  assert.equal(await page.getByRole('heading').textContent(), 'You are not logged in');
  const [message, advice, reason, id] = await page.locator('p').allTextContents();
  assert.equal(message, "The token's signature is not valid.");
  assert.match(advice, /^Load the page again\./);
  assert.equal(reason, 'Reason: invalid_signature');
  assert.match(id, /^Request ID: [0-9a-f-]{36}$/);
  await picture('rejection-laptop');
});

test('the page is readable on a phone, in light and in dark', async () => {
  for (const colorScheme of ['light', 'dark']) {
    await open(gateway(FORGED), { ...PHONE, colorScheme });
    assert.ok(await page.evaluate(isReadable), colorScheme);
    await picture(`rejection-phone-${colorScheme}`);
  }
});

test('the page says the same without its style', async () => {
  await open(gateway(FORGED), PHONE);
  const styled = await page.locator('body').innerText();
  await page.evaluate(() => document.querySelector('style').remove());
  assert.equal((await page.locator('body').innerText()).replace(/\s+/g, ' '), styled.replace(/\s+/g, ' '));
  assert.ok(await page.evaluate(isReadable));
  await picture('rejection-phone-without-css');
});

test('the page fetches nothing, and its policy and its style agree', async () => {
  await open(gateway(FORGED));
  await page.waitForLoadState('networkidle');
  assert.deepEqual(requested, [gateway(FORGED)]);
  // Chromium logs the status of the page itself; anything else would be a violation of the policy.
  assert.deepEqual(messages.filter((text) => !text.includes('401 (Unauthorized)')), []);
  assert.equal(await page.evaluate(() => getComputedStyle(document.querySelector('footer')).borderTopStyle), 'solid');
});

/** The demo's gateway alone, told to keep the client's request ID: its address, and `stop()`. */
async function startKeepingRequestIds() {
  const folder = await mkdtemp(join(tmpdir(), 'alb-authn-'));
  const addresses = join(folder, 'admin');
  const config = await readFile(join(ROOT, 'envoy-config/envoy.yaml'), 'utf8');
  const manager = 'stat_prefix: gateway\n';
  assert.ok(config.includes(manager));
  const keeping = config
    .replace(manager, `${manager}          preserve_external_request_id: true\n`)
    .replace(/port_value: \d+ \} # (ADMIN|GATEWAY)_PORT/g, 'port_value: 0 }');
  const options = ['--admin-address-path', addresses, '--disable-hot-restart', '--concurrency', '1'];
  const envoy = spawn(process.env.ENVOY, ['--config-yaml', keeping, ...options], { cwd: ROOT, stdio: 'ignore' });
  const stop = async () => {
    if (envoy.exitCode === null) {
      envoy.kill();
      await once(envoy, 'close');
    }
    await rm(folder, { recursive: true });
  };
  const deadline = Date.now() + WAIT_MS;
  while (Date.now() < deadline && envoy.exitCode === null) {
    const admin = await readFile(addresses, 'utf8').catch(() => '');
    const listeners = admin && (await fetch(`http://${admin}/listeners`).then((it) => it.text()).catch(() => ''));
    const gateway = /^gateway::(.+)$/m.exec(listeners);
    if (gateway) return { address: gateway[1], stop };
    await setTimeout(100);
  }
  await stop();
  throw new Error('the gateway did not start');
}

test('a request ID is shown as text, whatever it contains', async () => {
  const id = '</code><img src=x onerror="document.title=1"><script>document.title=2</script>&lt;';
  const gateway = await startKeepingRequestIds();
  try {
    const response = await open(`http://${gateway.address}/`, { extraHTTPHeaders: { 'x-request-id': id } });
    assert.equal(response.status(), 401);
    assert.equal(await page.locator('bdi').textContent(), id);
    assert.equal(await page.locator('img, script').count(), 0);
    assert.equal(await page.title(), 'You are not logged in');
    await picture('rejection-request-id');
  } finally {
    await gateway.stop();
  }
});
