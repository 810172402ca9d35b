import { beforeEach, expect, it } from 'vitest';
import { taskIdOf } from '../../../src/protocol/common/ids.ts';
import type { RunDown } from '../../../src/protocol/run/run-socket.ts';
import type { FakeClient } from '../../support/fake-socket.ts';
import { note, result, uuidOf } from './fake-agent.ts';
import { SESSION_ID, SessionInProcess } from './harness.ts';

const AGENT = { agent_id: uuidOf('AGENT-ONE'), agent_name: 'AGENT-ONE', instance_id: uuidOf('instance') };
const REPOSITORY = 'root-commit';

let session: SessionInProcess;
let client: FakeClient;

const of = (task: number) => ({ task_id: taskIdOf(SESSION_ID, task), epoch: 1 });

function claim(task: number, on = client): void {
  const agent = { ...AGENT, repository: REPOSITORY };
  const proof = session.proofFor(1, agent, undefined, task);
  const stream_id = uuidOf(`stream ${task}`);
  on.send({ type: 'present', ...agent, stream_id, head: 0, proof, of: of(task), shared: true });
}

/** What has arrived, without the commands with the prompts. */
function heard(on = client): [string, string | undefined][] {
  return on
    .take<RunDown>()
    .filter(({ type }) => type !== 'command')
    .map((message) => [message.type, message.of?.task_id]);
}

beforeEach(async () => {
  session = new SessionInProcess();
  await session.createWithTasks(2, { max_parallel: 2 });
  await session.act('start');
  client = session.openRun(1);
  claim(1);
  claim(2);
});

it('one socket serves all leases of an agent, and each message names its lease', async () => {
  const [one, two] = [of(1).task_id, of(2).task_id];
  expect(heard()).toEqual([
    ['lease', one],
    ['lease', two],
  ]);
  client.send({ type: 'frames', frames: [{ n: 1, ...note('of two') }], of: of(2) });
  client.send({ type: 'frames', frames: [{ n: 1, ...note('of one') }], of: of(1) });
  expect(heard()).toEqual([
    ['ack', two],
    ['ack', one],
  ]);
  const notes = (await session.events()).filter(({ type }) => type === 'agent.note');
  expect(notes.map(({ task }) => task)).toEqual([2, 1]);
});

it('a socket stays open until its last lease has ended', async () => {
  heard();
  client.send({ type: 'frames', frames: [{ n: 1, ...result(2) }], of: of(2) });
  expect([heard(), client.closedBy]).toEqual([[['ended', of(2).task_id]], null]);
  client.send({ type: 'frames', frames: [{ n: 1, ...result(1) }], of: of(1) });
  expect([heard(), client.closedBy?.code]).toEqual([[['ended', of(1).task_id]], 4011]);
  expect(await session.status()).toBe('completed');
});

it('a claim that is refused leaves the other leases of the socket alone', () => {
  heard();
  client.send({ type: 'present', ...AGENT, repository: REPOSITORY, stream_id: uuidOf('x'), head: 0, of: of(3) });
  expect([heard(), client.closedBy]).toEqual([[['gone', of(3).task_id]], null]);
});

it('a ping keeps all leases of a socket alive, and its close is noted for each', async () => {
  for (let minute = 0; minute < 5; minute++) {
    client.ping();
    await session.advance(30_000);
  }
  expect(session.rows('leases', 'ended IS NULL')).toHaveLength(2);
  client.close(1006);
  expect(session.rows('leases', 'closed_at IS NOT NULL')).toHaveLength(2);
  await session.advance(120_000);
  expect(session.rows('leases', `ended = 'lost'`)).toHaveLength(2);
});

it('a newer socket takes over one lease, and the others stay on the older one', () => {
  const newer = session.openRun(1);
  claim(2, newer);
  heard();
  client.send({ type: 'frames', frames: [{ n: 1, ...note('late') }], of: of(2) });
  client.send({ type: 'frames', frames: [{ n: 1, ...note('in time') }], of: of(1) });
  expect(heard()).toEqual([
    ['lease_lost', of(2).task_id],
    ['ack', of(1).task_id],
  ]);
});

it('a message about a lease of another session closes the socket', () => {
  const foreign = { task_id: '0198c2f0-1a2b-8c3d-9e4f-5a6c00000001', epoch: 1 };
  client.send({ type: 'frames', frames: [], of: foreign });
  expect(client.closedBy?.code).toBe(4000);
});
