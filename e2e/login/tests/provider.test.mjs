import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { ALICE_LAB, BOB_LAB, fetchInPage, logIn, startPath } from './path.mjs';

let path;
before(async () => {
  path = await startPath({ PROVIDER: 'oidc-provider' });
});
after(() => path?.stop());

test('the other provider logs users in as well', async () => {
  const page = await path.newTab();
  await logIn(page, `${path.url}/`, 'alice');
  assert.equal((await fetchInPage(page, '/')).json.user, 'alice@example.com');
  assert.equal((await fetchInPage(page, ALICE_LAB)).status, 200);
  assert.equal((await fetchInPage(page, BOB_LAB)).status, 403);
});
