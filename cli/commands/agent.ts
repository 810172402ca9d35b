import { defineCommand } from '../command.ts';
export const agent = defineCommand({
  summary: 'agent',
  usage: ['agent'],
  options: {},
  async run() {
    return 0;
  },
});
