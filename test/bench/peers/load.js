import { spawn } from 'node:child_process';
import { createServer } from 'node:net';

/** A closed loop of `workers`, as in `test/bench/load.ts`. */
export async function closedLoop(workers, count, operation) {
  const latenciesMs = [];
  let next = 0;
  const startedAt = performance.now();
  const work = async () => {
    while (next < count) {
      const index = next++;
      const at = performance.now();
      await operation(index);
      latenciesMs.push(performance.now() - at);
    }
  };
  await Promise.all(Array.from({ length: workers }, work));
  return { latenciesMs, elapsedMs: performance.now() - startedAt };
}

/** The loads that the caller asks for, after a warm-up: `[{ workers, count }]` as the last argument of the program. */
export async function measure(operation) {
  const loads = JSON.parse(process.argv.at(-1));
  await closedLoop(10, 100, operation);
  const measured = [];
  for (const { workers, count } of loads) {
    stepsMs = [];
    measured.push({ chain: await closedLoop(workers, count, operation), stepsMs });
  }
  process.stdout.write(JSON.stringify(measured));
}

let stepsMs = [];

/** Notes how long a single step has taken. */
export function stepped(ms) {
  stepsMs.push(ms);
}

/** Runs a server as long as this program. */
export function serve(command, args, env = {}) {
  // In a group of its own, because the program may only start the server.
  const child = spawn(command, args, { stdio: 'ignore', detached: true, env: { ...process.env, ...env } });
  process.once('exit', () => process.kill(-child.pid, 'SIGKILL'));
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
}

export function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Repeats a step until it succeeds. */
export async function eventually(step) {
  for (let attempt = 0; ; attempt++) {
    try {
      return await step();
    } catch (error) {
      if (attempt > 150) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
