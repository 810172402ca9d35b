/**
 * Chains of three durable steps (`ctx.run`) in one handler of Restate: from the request at its ingress until the answer.
 * A step is from its begin in the handler until the handler goes on, when the server has stored its result.
 * The handler runs in this process. The server syncs its log by default.
 */
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import * as restate from '@restatedev/restate-sdk';
import { eventually, freePort, measure, serve, stepped } from './load.js';

const directory = process.argv[2];
const [ingress, admin, node, service] = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
const program = join(import.meta.dirname, 'node_modules/.bin/restate-server');
serve(
  program,
  ['--bind-ip', '127.0.0.1', '--bind-port', String(node), '--listen-mode', 'tcp', '--base-dir', directory],
  {
    RESTATE_INGRESS__BIND_PORT: String(ingress),
    RESTATE_ADMIN__BIND_PORT: String(admin),
    RESTATE_LOG_FILTER: 'error',
  },
);

const steps = restate.service({
  name: 'Steps',
  handlers: {
    chain: async (ctx) => {
      for (const name of ['first', 'second', 'third']) {
        const at = performance.now();
        await ctx.run(name, async () => 'Done.');
        stepped(performance.now() - at);
      }
      return 'Done.';
    },
  },
});
const logger = () => undefined;
await restate.serve({ services: [steps], port: service, logger });

await eventually(async () => {
  const answer = await fetch(`http://127.0.0.1:${admin}/deployments`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ uri: `http://127.0.0.1:${service}` }),
  });
  if (!answer.ok) throw new Error(`Restate answered ${answer.status}: ${await answer.text()}`);
});

const agent = new Agent({ keepAlive: true, maxSockets: 50 });
const call = () =>
  new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port: ingress, path: '/Steps/chain', method: 'POST', agent };
    const sent = request(options, (response) => {
      response.resume();
      response.on('end', () => (response.statusCode === 200 ? resolve() : reject(new Error(`${response.statusCode}`))));
    });
    sent.on('error', reject);
    sent.end();
  });
await eventually(call);
await measure(call);
process.exit(0);
