import { defineCommand } from '../command.ts';
export const token = defineCommand({
  summary: 'token',
  usage: ['token'],
  options: {},
  async run() {
    return 0;
  },
});
