'use strict';
// Sends requests to where the page came from, and shows what came of them. Answers are shown as text only.

/** One request: its status, and its body as JSON (null where it is none). */
async function send(headers) {
  const options = { headers: { accept: 'application/json', ...headers }, cache: 'no-store', redirect: 'manual' };
  const response = await fetch('/', options);
  const text = await response.text();
  try {
    return { status: response.status, body: JSON.parse(text) };
  } catch {
    return { status: response.status, body: null };
  }
}

/** What became of a header that was sent. */
function fate(sent, arrived) {
  if (arrived === undefined) return 'removed';
  return arrived === sent ? 'arrived as it was sent' : `replaced by ${arrived}`;
}

/** Sends every header of the table, and writes beside each what the application got. */
async function showRemoved(table) {
  const rows = [...table.querySelectorAll('tr[data-name]')];
  const answer = await send(Object.fromEntries(rows.map((row) => [row.dataset.name, row.dataset.value])));
  for (const row of rows) {
    const headers = answer.body?.headers;
    row.lastElementChild.textContent = headers
      ? fate(row.dataset.value, headers[row.dataset.name])
      : `no answer of the application: ${verdict(answer)}`;
  }
}

/** `401 invalid_signature: The signature …`, or who the application took the sender for. */
function verdict({ status, body }) {
  if (body?.error) return `${status} ${body.error}: ${body.message}`;
  if (status === 200 && body && 'user' in body) {
    const group = isInClaimedGroup({ body }) ? `, in the group ${CLAIMED_GROUP}` : '';
    return `${status}, as ${body.user ?? 'nobody'}${group}`;
  }
  return `${status}`;
}

/** The group that forged access tokens claim; no user is in it. */
const CLAIMED_GROUP = 'admins';

function isInClaimedGroup({ body }) {
  return body?.groups?.includes(CLAIMED_GROUP) ?? false;
}

/** Whether the attacker got nothing: refused, or taken for who the load balancer says, and in no further group. */
function isHarmless(answer, row) {
  const { status, body } = answer;
  return status === 401 || (status === 200 && body?.user === row.dataset.still && !isInClaimedGroup(answer));
}

async function attack(row) {
  const cell = row.lastElementChild;
  cell.textContent = '…';
  cell.className = '';
  try {
    const answer = await send(JSON.parse(row.dataset.headers));
    const harmless = isHarmless(answer, row);
    cell.textContent = harmless ? verdict(answer) : `${verdict(answer)}: the attack works!`;
    cell.className = harmless ? 'good' : 'bad';
  } catch (error) {
    cell.textContent = `no answer: ${error.message}`;
  }
}

for (const row of document.querySelectorAll('tr[data-headers]')) {
  row.querySelector('button').addEventListener('click', () => attack(row));
}
showRemoved(document.getElementById('sent')).catch((error) => {
  document.getElementById('sent-error').textContent = `No answer: ${error.message}`;
});
