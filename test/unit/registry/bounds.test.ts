import { expect, it } from 'vitest';
import { MAX_AGENTS_OF_TOKEN } from '../../../src/protocol/common/limits.ts';
import { RegistryInProcess } from '../../support/registry-in-process.ts';
import { hello, slotRequest } from '../ports/agent-registry.fixture.ts';

const agentId = (number: number) => `${String(number).padStart(8, '0')}-8a52-4f0c-9d0b-0d6f3a1b2c3d`;

function connect(registry: RegistryInProcess, number: number, tokenId = 'token') {
  const link = registry.connect(agentId(number), tokenId);
  link.send(hello());
  return link;
}

function known({ platform }: RegistryInProcess): string[] {
  return (platform.dump().agents as { id: string }[]).map(({ id }) => id);
}

it('a token has only so many agents: a new one takes the place of the one that is away longest and idle', () => {
  const registry = new RegistryInProcess();
  const busy = connect(registry, 1);
  registry.runtime.reserve(slotRequest(1));
  busy.send({ type: 'accepted', task_id: slotRequest(1).task_id, epoch: 1 });
  const links = Array.from({ length: MAX_AGENTS_OF_TOKEN - 1 }, (_, index) => connect(registry, index + 2));
  const refused = connect(registry, 5_000);
  expect(refused.closedBy).toMatchObject({ code: 1013 });
  expect(connect(registry, 5_001, 'other token').closedBy).toBeNull();

  registry.platform.clock += 1_000;
  busy.close();
  links[0]!.close();
  registry.platform.clock += 1_000;
  links[1]!.close();
  expect(connect(registry, 5_002).closedBy).toBeNull();
  const ids = known(registry);
  expect(ids).toHaveLength(MAX_AGENTS_OF_TOKEN + 1);
  expect(ids).toEqual(expect.arrayContaining([agentId(1), agentId(3), agentId(5_002)]));
  expect(ids, 'idle, and away for longest').not.toContain(agentId(2));
});
