// The page of `make run`, as a visitor sees it: browser, stand-in load balancer, real Envoy, upstream.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { WAIT_MS } from '../lib/browser.mjs';
import { visits } from '../lib/visits.mjs';

const { url, open: visit } = visits();
let page, requests, errors;

async function open(path, options) {
  ({ page, requests, errors } = await visit(url(path), options));
}

/** The last cell of the row whose first cell is `title`, once it says something final. */
async function outcome(table, title) {
  const row = page.locator(`#${table} tr`).filter({ has: page.locator('td:first-child', { hasText: title }) });
  const cell = row.first().locator('td').last();
  await page.waitForFunction((cell) => !['', '…'].includes(cell.textContent), await cell.elementHandle(), {
    timeout: WAIT_MS,
  });
  return cell.textContent();
}

async function attack(title) {
  await page.getByRole('button', { name: title }).click();
  return outcome('attacks', title);
}

test('the page says who the gateway verified, with groups and headers', async () => {
  await open('/');
  assert.equal(await page.title(), 'alice@example.com');
  assert.equal(await page.locator('h1').textContent(), 'You are alice@example.com');
  assert.match(await page.locator('h1 + p').textContent(), /groups data-science, ml-team, role Editor\./);
  const identity = await page.locator('tr.identity').allTextContents();
  assert.deepEqual(identity.sort(), [
    'kubeflow-groupsdata-science,ml-team',
    'kubeflow-useridalice@example.com',
    'x-webauth-roleEditor',
  ]);
});

test('the page shows what became of each header that it sent', async () => {
  await open('/');
  const fates = {
    'kubeflow-userid': 'replaced by alice@example.com',
    kubeflow_userid: 'removed',
    'kubeflow-groups': 'replaced by data-science,ml-team',
    'x-webauth-role': 'replaced by Editor',
    x_webauth_role: 'removed',
    'x-amzn-oidc-identity': 'removed',
    'x-anything-else': 'arrived as it was sent',
  };
  for (const [name, fate] of Object.entries(fates)) {
    assert.equal(await outcome('sent', name), fate, name);
  }
});

test('each attack at one click gets the answer that stops it', async () => {
  await open('/?as=bob@example.com');
  const answers = {
    'Forged signature': /^401 invalid_signature: ./,
    'Another load balancer': /^401 untrusted_signer: ./,
    'Expired token': /^401 token_expired: ./,
    'No token': /^401 missing_token: ./,
    'Spoofed header': /^200, as bob@example\.com$/,
    "Another user's access token": /^200, as bob@example\.com$/,
    "Another client's access token": /^200, as bob@example\.com$/,
    'Expired access token': /^200, as bob@example\.com$/,
    'ID token': /^200, as bob@example\.com$/,
    'Forged access token': /^200, as bob@example\.com$/,
  };
  for (const [title, answer] of Object.entries(answers)) {
    assert.match(await attack(title), answer, title);
  }
  assert.equal(await page.locator('#attacks td.good').count(), 10);
});

test('where nothing protects the application, the page says that the attack works', async () => {
  ({ page } = await visit(url('/', 'UPSTREAM_PORT')));
  assert.equal(await attack('Spoofed header'), '200, as mallory@example.com: the attack works!');
});

test('nothing is asked of any other server, and nothing fails on the page', async () => {
  await open('/');
  assert.equal(await outcome('sent', 'x-anything-else'), 'arrived as it was sent');
  const elsewhere = requests.filter((asked) => !asked.startsWith(url('/')) && asked !== 'data:,');
  assert.deepEqual(elsewhere, []);
  assert.deepEqual(errors, []);
});

test('a script that a header brings in does not run', async () => {
  await open('/', { extraHTTPHeaders: { 'x-hostile': '<script>document.title = "run"</script><img src=x onerror="document.title=1">' } });
  assert.equal(await page.title(), 'alice@example.com');
  assert.equal(await page.locator('script').count(), 1);
});

test('without scripts there are links to the same attacks', async () => {
  await open('/', { javaScriptEnabled: false });
  await page.getByRole('link', { name: 'Forged signature' }).click();
  assert.equal(await page.locator('footer code').first().textContent(), 'invalid_signature');
});
