// The whole path for a test file: e2e/login/run on free ports, a notebook of our own in alice's namespace, and
// what a person does at the provider's form.
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:http';

import { WebSocketServer } from 'ws';

import { launchBrowser, newPage, WAIT_MS } from '../../browser/lib/browser.mjs';
import { startScript } from '../../browser/lib/demo.mjs';

const PORTS = [
  'HTTP_PORT', 'ALB_PORT', 'DEX_PORT', 'CONTROL_PORT', 'KEYS_PORT', 'GATEWAY_PORT', 'ADMIN_PORT',
  'DASHBOARD_PORT', 'ALICE_NOTEBOOK_PORT', 'ALICE_SIDECAR_PORT', 'BOB_NOTEBOOK_PORT', 'BOB_SIDECAR_PORT',
];

export const PASSWORD = 'password';
export const ALICE_LAB = '/notebook/alice/lab/';
export const BOB_LAB = '/notebook/bob/lab/';

/** A path that runs already, its ports as JSON: the one on Istio's real control plane. Its applications are to
 * listen on UPSTREAM_PORT. */
const RUNNING = process.env.LOGIN_PATH;

/** Starts everything, or takes what runs; `settings` are environment variables of e2e/login/run. */
export async function startPath(settings = {}) {
  const { run, notebook } = RUNNING ? await join(JSON.parse(RUNNING)) : await startLocally(settings);
  const browser = await launchBrowser();
  const url = `https://kubeflow.localhost:${run.ALB_PORT}`;

  return {
    url,
    ports: run,
    /** A tab in a profile of its own, which takes this run's certificates. */
    newTab: (options = {}) =>
      newPage(browser, { ignoreHTTPSErrors: true, bypassCSP: true, viewport: { width: 900, height: 620 }, ...options }),
    /** Signs with a new key from now on; the result is its id. */
    rotateKey: async () => {
      const answer = await fetch(`http://127.0.0.1:${run.CONTROL_PORT}/rotate-key`, { method: 'POST' });
      return (await answer.text()).trim();
    },
    /** A counter of the filter. */
    counter: async (name) => {
      const answer = await fetch(`http://127.0.0.1:${run.ADMIN_PORT}/stats?filter=${name}$`);
      const line = (await answer.text()).trim();
      return Number(line.split(': ')[1] ?? 0);
    },
    stop: async () => {
      await browser.close();
      await run.stop?.();
      await notebook.stop();
    },
  };
}

async function join(run) {
  return { run, notebook: await startNotebook(run.UPSTREAM_PORT) };
}

async function startLocally(settings) {
  const notebook = await startNotebook();
  const run = await startScript('e2e/login/run', PORTS, { ALICE_NOTEBOOK: String(notebook.port), ...settings });
  return { run, notebook };
}

/** Opens a page as nobody, logs in at the provider's form, and ends where the load balancer leads to. */
export async function logIn(page, url, user, { pictureName } = {}) {
  await page.goto(url);
  await page.locator('input[name=login]').fill(`${user}@example.com`);
  await page.locator('input[name=password]').fill(PASSWORD);
  if (pictureName) await screenshot(page, pictureName);
  await page.locator('button[type=submit]').click();
  await page.waitForURL((current) => current.hostname === 'kubeflow.localhost' && current.pathname !== '/oauth2/idpresponse');
}

/** What an application that the page asks in the background answers. */
export async function fetchInPage(page, target, init = {}) {
  return page.evaluate(
    async ([target, init]) => {
      const response = await fetch(target, { ...init, headers: { accept: 'application/json', ...init.headers } });
      const text = await response.text();
      let json = null;
      try {
        json = JSON.parse(text);
      } catch {
        // Not every answer is JSON.
      }
      return { status: response.status, type: response.type, text, json };
    },
    [target, init],
  );
}

/** Keeps a picture of the page's top for the documentation where SCREENSHOTS names a folder. */
export async function screenshot(page, name, height = 420) {
  const folder = process.env.SCREENSHOTS;
  if (!folder) return;
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: `${folder}/${name}.png`, clip: { x: 0, y: 0, width: 900, height } });
}

/** Asks until the answer is truthy. */
export async function eventually(what, ask) {
  const deadline = Date.now() + WAIT_MS;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > deadline) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

// A notebook: what reached it as JSON, and an echo at the other end of its WebSockets.
async function startNotebook(port = 0) {
  const server = createServer((request, response) => {
    response.setHeader('content-type', 'application/json');
    const user = request.headers['kubeflow-userid'] ?? null;
    response.end(JSON.stringify({ user, target: request.url, headers: request.headersDistinct }));
  });
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket, request) => {
    socket.send(JSON.stringify(request.headersDistinct));
    socket.on('message', (message) => socket.send(message.toString()));
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: server.address().port,
    stop: async () => {
      for (const socket of sockets.clients) socket.terminate();
      server.close();
      server.closeAllConnections();
    },
  };
}
