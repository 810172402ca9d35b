import { defineCommand, exitCode, parseInteger } from '../../command.ts';
import { graphLines } from '../../graph-lines.ts';
import { printJson } from '../../terminal.ts';
import { connect, connectionDetails, jsonOption, printLines, sessionIdOf } from './common.ts';

/** As many as the API takes. */
const MAX_AGENTS = 10_000;

export const graph = defineCommand({
  summary: 'Show the tasks of a session in their order, and when they are expected to end',
  usage: ['session graph <id> [--agents <n>]'],
  details: `${connectionDetails}
Tasks of one level can be done at the same time. A star marks the critical path: a later end of such a task makes the whole later.`,
  arguments: { id: 'required' },
  options: {
    agents: {
      type: 'string',
      placeholder: 'n',
      description: 'Predict with so many agents at a time (as many as the session allows)',
    },
    ...jsonOption,
  },
  async run({ values, args }) {
    const agents =
      values.agents === undefined ? undefined : parseInteger('--agents', values.agents, { min: 1, max: MAX_AGENTS });
    const client = connect();
    const id = await sessionIdOf(client, args.id);
    const graph = await client.tasks.graph(id, agents === undefined ? {} : { agents });
    if (values.json) printJson(graph);
    else printLines(graphLines(graph, await client.tasks.list(id)));
    return exitCode.ok;
  },
});
