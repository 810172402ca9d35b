import { capacityOption, parseCapacity } from '../capacity.ts';
import { defineCommand } from '../command.ts';
import { DataDirectory } from '../data-directory.ts';
import type { LocalAgent } from '../launcher/agent.ts';
import { checkRepository } from '../launcher/repository.ts';
import { serve } from '../launcher/serve.ts';
import { describeSettings } from '../settings.ts';
import { envOption, readSetup, readTools, setupOptions } from '../tools.ts';

export const up = defineCommand({
  summary: 'Start a control plane on this machine, with one agent for your repository',
  usage: [
    'up [--dir <path>] [--capacity <n>] [--label <name=value>]… [--env <name>]… [--setup <command>] [--no-agent]',
  ],
  details: `"npm start -- <options>" runs this command. Environment:\n${describeSettings('launcher', 'worker')}`,
  options: {
    dir: { type: 'string', placeholder: 'path', default: '.', description: 'The git repository to work in (.)' },
    capacity: capacityOption,
    label: {
      type: 'string',
      multiple: true,
      placeholder: 'name=value',
      description: 'A label of the agent, for sessions that require it',
    },
    env: envOption,
    ...setupOptions,
    'no-agent': { type: 'boolean', default: false, description: 'Start no agent' },
  },
  async run({ values }) {
    // Checked here, because the agent would reject them only after everything else has started.
    readTools(values.env ?? [], process.env);
    readSetup(values);
    const agent: LocalAgent | undefined = values['no-agent']
      ? undefined
      : {
          capacity: parseCapacity(values.capacity),
          directory: await checkRepository(values.dir),
          labels: values.label ?? [],
          args: [
            ...(values.env ?? []).flatMap((name) => ['--env', name]),
            ...(values.setup === undefined ? [] : ['--setup', values.setup]),
            ...(values['no-setup'] ? ['--no-setup'] : []),
          ],
        };
    return serve({
      data: DataDirectory.fromEnvironment(process.env),
      env: process.env,
      prepareAgent: agent && (async () => agent),
    });
  },
});
