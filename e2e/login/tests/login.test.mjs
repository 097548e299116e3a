import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { ALICE_LAB, BOB_LAB, fetchInPage, logIn, screenshot, startPath } from './path.mjs';

let path;
before(async () => {
  path = await startPath();
});
after(() => path?.stop());

test('a user logs in, lands on the page they came for, and sees who they are', async () => {
  const page = await path.newTab();
  await logIn(page, `${path.url}/pipelines/?view=all`, 'alice', { pictureName: 'login-form' });
  assert.equal(page.url(), `${path.url}/pipelines/?view=all`);
  await page.getByText('alice@example.com').first().waitFor();
  await screenshot(page, 'login-identity', 540);
  const seen = await fetchInPage(page, '/');
  assert.equal(seen.json.user, 'alice@example.com');
});

test('owners open their own namespace only, a contributor opens both', async () => {
  for (const [user, alice, bob] of [['alice', 200, 403], ['bob', 403, 200], ['carol', 200, 200]]) {
    const page = await path.newTab();
    await logIn(page, `${path.url}/`, user);
    assert.equal((await page.goto(path.url + ALICE_LAB)).status(), alice, `${user} at alice's`);
    const answer = await page.goto(path.url + BOB_LAB);
    assert.equal(answer.status(), bob, `${user} at bob's`);
    if (bob === 403) {
      assert.equal(await answer.text(), 'RBAC: access denied');
      await screenshot(page, 'login-refusal', 80);
    }
  }
});

test('a notebook sees the user, and neither tokens nor session cookies', async () => {
  const page = await path.newTab();
  await logIn(page, path.url + ALICE_LAB, 'alice');
  await page.context().addCookies([{ name: 'theme', value: 'dark', url: path.url }]);
  const { headers } = (await fetchInPage(page, ALICE_LAB)).json;
  assert.deepEqual(headers['kubeflow-userid'], ['alice@example.com']);
  const names = Object.keys(headers);
  assert.deepEqual(names.filter((name) => name.startsWith('x-amzn-oidc')), []);
  const cookies = headers.cookie.join('; ');
  assert.match(cookies, /theme=dark/);
  assert.doesNotMatch(cookies, /AWSELBAuthSessionCookie/);
  const kept = (await page.context().cookies(path.url)).map((cookie) => cookie.name);
  assert.ok(kept.includes('AWSELBAuthSessionCookie-0'), 'the browser has a session');
});

test('identity headers that the browser sends change nothing', async () => {
  const page = await path.newTab();
  await logIn(page, `${path.url}/`, 'alice');
  const headers = { 'kubeflow-userid': 'bob@example.com', 'x-amzn-oidc-data': 'forged', 'x-amzn-oidc-identity': 'bob' };
  const own = (await fetchInPage(page, '/', { headers })).json;
  assert.equal(own.user, 'alice@example.com');
  assert.equal((await fetchInPage(page, BOB_LAB, { headers })).status, 403);
  const past = await fetch(`http://127.0.0.1:${path.ports.GATEWAY_PORT}${BOB_LAB}`, { headers });
  assert.equal(past.status, 401, 'past the load balancer');
  assert.equal((await past.json()).error, 'malformed_token');
});

test('logging out ends the session, and the next page asks to log in again', async () => {
  const page = await path.newTab();
  await logIn(page, `${path.url}/`, 'alice');
  await page.goto(`${path.url}/logout`);
  assert.equal(page.url(), `${path.url}/signed-out`);
  const cookies = await page.context().cookies(path.url);
  assert.deepEqual(cookies.filter((cookie) => cookie.name.startsWith('AWSELBAuthSessionCookie')), []);
  await page.getByRole('link', { name: 'Sign in again' }).click();
  await page.locator('input[name=login]').waitFor();
});

test('a WebSocket passes load balancer, filter and sidecar, with the identity of its handshake', async () => {
  const page = await path.newTab();
  await logIn(page, path.url + ALICE_LAB, 'alice');
  const exchange = (target) =>
    page.evaluate(
      (url) =>
        new Promise((resolve) => {
          const socket = new WebSocket(url);
          const heard = [];
          socket.onopen = () => socket.send('ping');
          socket.onmessage = ({ data }) => {
            heard.push(data);
            if (heard.length === 2) socket.close();
          };
          socket.onclose = () => resolve(heard);
        }),
      `${path.url.replace('https', 'wss')}${target}`,
    );
  const [headers, echo] = await exchange(`${ALICE_LAB}api/kernels/1/channels`);
  assert.equal(echo, 'ping');
  assert.deepEqual(JSON.parse(headers)['kubeflow-userid'], ['alice@example.com']);
  assert.doesNotMatch(headers, /x-amzn-oidc|AWSELBAuthSessionCookie/);
  assert.deepEqual(await exchange(`${BOB_LAB}api/kernels/1/channels`), [], 'refused at bob\'s');
});

test('a key rotation in the middle fails no request', async () => {
  const page = await path.newTab();
  await logIn(page, path.url + ALICE_LAB, 'alice');
  const fetched = await path.counter('alb_authn.key_fetch.ok');
  const statuses = [];
  for (let round = 0; round < 20; round++) {
    if (round === 10) await path.rotateKey();
    const answers = await Promise.all(Array.from({ length: 4 }, () => fetchInPage(page, ALICE_LAB)));
    statuses.push(...answers.map((answer) => answer.status));
  }
  assert.deepEqual([...new Set(statuses)], [200]);
  assert.ok((await path.counter('alb_authn.key_fetch.ok')) > fetched, 'the new key was fetched');
});

test('plain HTTP leads to the same page by HTTPS', async () => {
  const page = await path.newTab();
  await logIn(page, `http://kubeflow.localhost:${path.ports.HTTP_PORT}${ALICE_LAB}?a=b`, 'alice');
  assert.equal(page.url(), `${path.url}${ALICE_LAB}?a=b`);
});
