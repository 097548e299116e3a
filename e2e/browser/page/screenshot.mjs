// Writes docs/images/demo-page.png: the page of `make run` after each attack was tried.
import { fileURLToPath } from 'node:url';

import { launchBrowser, newPage } from '../lib/browser.mjs';
import { startDemo } from '../lib/demo.mjs';

const FILE = fileURLToPath(new URL('../../../docs/images/demo-page.png', import.meta.url));

const demo = await startDemo();
const browser = await launchBrowser();
try {
  const page = await newPage(browser, { viewport: { width: 1000, height: 900 } });
  await page.goto(`http://127.0.0.1:${demo.ALB_PORT}/`);
  const buttons = await page.getByRole('button').all();
  for (const button of buttons) await button.click();
  await page.waitForFunction((count) => document.querySelectorAll('#attacks td.good').length === count, buttons.length);
  await page.evaluate(() => scrollTo(0, 0));
  await page.screenshot({ path: FILE });
} finally {
  await browser.close();
  await demo.stop();
}
