import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { BOB_LAB, fetchInPage, startPath } from './path.mjs';

let path;
before(async () => {
  path = await startPath({ MODE: 'observe', ON_UNAUTHENTICATED: 'allow' });
});
after(() => path?.stop());

test('in observe mode nobody is let in as nobody, and counted', async () => {
  const refused = await path.counter('alb_authn.requests.missing_token');
  const observed = await path.counter('alb_authn.observed.missing_token');
  const page = await path.newTab();
  const answer = await page.goto(`${path.url}/`);
  assert.equal(answer.status(), 200);
  const headers = { 'kubeflow-userid': 'bob@example.com' };
  const seen = (await fetchInPage(page, '/', { headers })).json;
  assert.equal(seen.user, null);
  assert.equal((await fetchInPage(page, BOB_LAB, { headers })).status, 403, 'the namespace stays closed');
  assert.ok((await path.counter('alb_authn.observed.missing_token')) >= observed + 3);
  assert.equal(await path.counter('alb_authn.requests.missing_token'), refused);
});
