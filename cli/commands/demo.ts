import { defineCommand } from '../command.ts';
export const demo = defineCommand({
  summary: 'demo',
  usage: ['demo'],
  options: {},
  async run() {
    return 0;
  },
});
