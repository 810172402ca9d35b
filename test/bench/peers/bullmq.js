/**
 * Chains of three jobs as BullMQ flows: from `add` until the worker, in the same process, has completed the last job.
 * A step is from one completed job to the next, the first one from `add`. Redis writes each command to its append-only file and syncs it before it answers.
 */
import { FlowProducer, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { eventually, freePort, measure, serve, stepped } from './load.js';

const directory = process.argv[2];
const port = await freePort();
const options = ['--appendonly', 'yes', '--appendfsync', 'always', '--save', '', '--dir', directory];
serve('redis-server', ['--port', String(port), '--bind', '127.0.0.1', ...options]);
const connect = () => new Redis({ port, host: '127.0.0.1', maxRetriesPerRequest: null });
const probe = connect();
probe.on('error', () => undefined);
await eventually(() => probe.ping());

const waiting = new Map();
const worker = new Worker('steps', async () => 'Done.', { connection: connect(), concurrency: 50 });
worker.on('completed', (job) => {
  waiting.get(job.data.chain)?.(job.name);
});
const flows = new FlowProducer({ connection: connect() });
const step = (name, chain, children = []) => ({ name, queueName: 'steps', data: { chain }, children });

let chains = 0;
await measure(async () => {
  const chain = ++chains;
  let at = performance.now();
  const done = new Promise((resolve) => {
    waiting.set(chain, (name) => {
      stepped(performance.now() - at);
      at = performance.now();
      if (name === 'third') resolve();
    });
  });
  await flows.add(step('third', chain, [step('second', chain, [step('first', chain)])]));
  await done;
  waiting.delete(chain);
});
process.exit(0);
