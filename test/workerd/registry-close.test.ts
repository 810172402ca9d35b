import { runInDurableObject } from 'cloudflare:test';
import { expect, it } from 'vitest';
import { hibernatingSocket } from '../../durable-objects/kit/platform/durable-object.ts';
import { eventually } from '../support/eventually.ts';
import { openControl, registryObject } from './support/registry-in-workerd.ts';

it.each([
  ['a'.repeat(200), 'a'.repeat(123)],
  ['é'.repeat(80), 'é'.repeat(61)],
  ['語'.repeat(80), '語'.repeat(41)],
  [`a${'😀'.repeat(40)}`, `a${'😀'.repeat(30)}`],
  ['short', 'short'],
])(
  'an agent’s socket is closed for %s with a reason that is cut to the size of a close frame',
  async (reason, arrived) => {
    const { workspace, stub } = registryObject();
    const socket = await openControl(stub, workspace, crypto.randomUUID());
    const closed: string[] = [];
    socket.addEventListener('close', (event) => void closed.push(event.reason));
    await runInDurableObject(stub, (_object, ctx) => {
      for (const held of ctx.getWebSockets()) hibernatingSocket(ctx, held).close(4000, reason);
    });
    await eventually(() => expect(closed).toEqual([arrived]));
  },
);
