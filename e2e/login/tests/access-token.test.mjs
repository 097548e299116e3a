import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { ALICE_LAB, eventually, fetchInPage, logIn, startPath } from './path.mjs';

let path;
before(async () => {
  path = await startPath();
});
after(() => path?.stop());

test("groups arrive from the provider's own access token, each user's own", async () => {
  for (const [user, groups] of [['alice', 'ml,admins'], ['bob', 'ops'], ['carol', undefined]]) {
    const page = await path.newTab();
    await logIn(page, `${path.url}/`, user);
    const seen = await eventually(`the key set is there for ${user}`, async () => {
      const { headers } = (await fetchInPage(page, '/')).json;
      return groups && !headers['kubeflow-groups'] ? null : headers;
    });
    assert.equal(seen['kubeflow-groups'], groups, user);
  }
  assert.equal(await path.counter('alb_authn.access_token.invalid'), 0);
  assert.ok((await path.counter('alb_authn.access_token.ok')) >= 3);
});

test('groups that a browser sends change nothing, and no application sees the access token', async () => {
  const page = await path.newTab();
  await logIn(page, path.url + ALICE_LAB, 'alice');
  const sent = { 'kubeflow-groups': 'everything', 'x-amzn-oidc-accesstoken': 'forged' };
  const { headers } = (await fetchInPage(page, ALICE_LAB, { headers: sent })).json;
  assert.deepEqual(headers['kubeflow-groups'], ['ml,admins']);
  assert.equal(headers['x-amzn-oidc-accesstoken'], undefined);
});
