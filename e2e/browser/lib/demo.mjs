// What `make run` and `make run-login` start, on free ports.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const DEMO_PORTS = ['ALB_PORT', 'GATEWAY_PORT', 'UPSTREAM_PORT', 'KEYS_PORT', 'ADMIN_PORT'];
const ATTEMPTS = 5;

/** Starts the demo and waits until it answers: its ports by name, and `stop()`. Needs what `make run` builds. */
export async function startDemo() {
  return startScript('tools/scripts/run', DEMO_PORTS);
}

/** The same for another script, which takes its ports and settings by variables of its environment. */
export async function startScript(script, portNames, settings = {}) {
  for (let attempt = 1; ; attempt++) {
    const ports = await freePorts(portNames);
    const demo = spawn(script, {
      cwd: ROOT,
      env: { READY_SECONDS: '300', ...process.env, ...ports, ...settings },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const output = await untilReady(demo);
    if (output === null) return { ...ports, stop: () => stop(demo) };
    // Another program may have taken a port in between.
    if (!output.includes(' is taken') || attempt === ATTEMPTS) throw new Error(`the demo ended:\n${output}`);
  }
}

/** `null` once it is ready; all that it said where it ended before. */
function untilReady(demo) {
  return new Promise((resolve) => {
    let output = '';
    const read = (text) => {
      output += text;
      if (output.includes('\nReady.')) resolve(null);
    };
    demo.stdout.setEncoding('utf8').on('data', read);
    demo.stderr.setEncoding('utf8').on('data', read);
    demo.on('error', (error) => resolve(error.message));
    demo.on('close', () => resolve(output));
  });
}

async function stop(demo) {
  if (demo.exitCode === null) {
    demo.kill('SIGTERM');
    await once(demo, 'close');
  }
}

/** All are held at once, so that no two are the same. */
async function freePorts(names) {
  const servers = names.map(() => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => String(server.address().port));
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return Object.fromEntries(names.map((name, i) => [name, ports[i]]));
}
