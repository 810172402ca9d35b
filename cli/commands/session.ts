import { defineCommand } from '../command.ts';
export const session = defineCommand({
  summary: 'session',
  usage: ['session'],
  options: {},
  async run() {
    return 0;
  },
});
