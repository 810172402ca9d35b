import { setTimeout as delay } from 'node:timers/promises';
import { defineCommand, exitCode } from '../../command.ts';
import { printable, printJson } from '../../terminal.ts';
import { connect, connectionDetails, hint, jsonOption, printLines, sessionIdOf } from './common.ts';
import { deliverOptions, deliverRequest, deliveryLine } from './deliver-options.ts';

/** Between two looks at the session, in ms. */
const POLL_MS = 1_000;

export const deliver = defineCommand({
  summary: 'Put the work of a session on a new branch, as one commit',
  usage: ['session deliver <id> [--branch <branch>] [--push [--remote <remote>]] [--message "<text>"] [--wait]'],
  details: `${connectionDetails}
A session that goes on is delivered when it has completed. The branch is in the clone of an agent; a branch that exists is never changed. The same command again has the same outcome. With --wait, exits with 0 only if the work is delivered.`,
  arguments: { id: 'required' },
  options: {
    ...deliverOptions,
    wait: { type: 'boolean', default: false, description: 'Wait until it is delivered' },
    ...jsonOption,
  },
  async run({ values, args }) {
    const client = connect();
    const id = await sessionIdOf(client, args.id);
    let delivery = await client.sessions.deliver(id, deliverRequest(values));
    while (values.wait && (delivery.state === 'waiting' || delivery.state === 'running')) {
      await delay(POLL_MS);
      delivery = (await client.sessions.get(id)).delivery ?? delivery;
    }
    if (values.json) printJson(delivery);
    else printLines([printable(deliveryLine(delivery))]);
    if (!values.json && !values.wait && delivery.state !== 'delivered') hint(`session show ${id}`);
    return delivery.state === 'conflict' || delivery.state === 'failed' ? exitCode.failed : exitCode.ok;
  },
});
