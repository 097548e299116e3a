import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { eventually, fetchInPage, logIn, startPath } from './path.mjs';

let path;
before(async () => {
  path = await startPath({ SESSION_TIMEOUT: '15' });
});
after(() => path?.stop());

test('a tab whose session ends: its requests in the background are sent to log in, then the tab is', async () => {
  const page = await path.newTab();
  await logIn(page, `${path.url}/`, 'alice');
  // A redirect to another origin: a script learns no more than that (`manual`), or fails (`follow`).
  await eventually('the session ends', async () => {
    const answer = await fetchInPage(page, '/api/list', { redirect: 'manual' });
    return answer.type === 'opaqueredirect';
  });
  const followed = page.evaluate(() => fetch('/api/list').then(() => 'answered', () => 'failed'));
  assert.equal(await followed, 'failed');

  // Without any cookie the rule of /api/ says 401.
  const anonymous = await fetchInPage(page, '/api/list', { credentials: 'omit' });
  assert.equal(anonymous.status, 401);

  await page.reload();
  await page.locator('input[name=login]').waitFor();
});
