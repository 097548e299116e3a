import assert from 'node:assert/strict';
import { test } from 'node:test';

import { launchBrowser, newPage } from '../lib/browser.mjs';

test('a page with a script runs, and pages of one browser share no cookies', async () => {
  const browser = await launchBrowser();
  try {
    const page = await newPage(browser);
    await page.setContent('<p id="x">before</p><script>x.textContent = 1 + 1</script>');
    assert.equal(await page.locator('#x').textContent(), '2');
    const other = await newPage(browser);
    await page.context().addCookies([{ name: 'a', value: 'b', url: 'http://127.0.0.1/' }]);
    assert.deepEqual(await other.context().cookies(), []);
  } finally {
    await browser.close();
  }
});
