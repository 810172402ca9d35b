import { expect, it } from 'vitest';
import { parseCapacity } from '../../../cli/capacity.ts';
import { exitCode } from '../../../cli/command.ts';
import { agent } from '../../../cli/commands/agent.ts';
import { up } from '../../../cli/commands/up.ts';
import { AgentHello } from '../../../src/protocol/agent/control-socket.ts';

it('the command line accepts every capacity that the control plane accepts', () => {
  for (const text of ['1', '50']) {
    expect(AgentHello().shape.capacity.parse(parseCapacity(text))).toBe(Number(text));
  }
});

it.each([
  ['up', up],
  ['agent', agent],
])('the command line rejects the capacity %s, as the control plane would', async (_, command) => {
  for (const text of ['0', '51']) {
    expect(AgentHello().shape.capacity.safeParse(Number(text)).success).toBe(false);
    const url = command === agent ? ['--url', 'http://127.0.0.1:1'] : [];
    await expect(command.run([...url, '--capacity', text])).rejects.toMatchObject({
      code: exitCode.usage,
      message: expect.stringContaining('from 1 to 50'),
    });
  }
});
