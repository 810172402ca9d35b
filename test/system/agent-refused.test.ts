import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { exitCode } from '../../cli/command.ts';
import { eventually } from '../support/eventually.ts';
import { type Fleet, NO_POSTGRES, startFleet } from './support/fleet.ts';
import { startSession } from './support/started-session.ts';
import { TcpProxy } from './support/tcp-proxy.ts';

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet(NO_POSTGRES);
});
afterAll(() => fleet.stop());

it('an agent whose token is revoked while it works says so, stops, and exits with the code for a refusal', async () => {
  const { id, token } = await fleet.client.tokens.create({ name: 'short', role: 'agent' });
  const agent = fleet.agent('AGENT-REVOKED', { token });
  await agent.start();
  const session = await startSession(fleet.client, ['run sleep 300']);
  await session.seen((e) => e.type === 'tool' && e.data.state === 'running');
  await fleet.client.tokens.revoke(id);
  expect(await agent.ended()).toBe(exitCode.unreachable);
  expect(agent.output).toContain('does not accept this token');
  await eventually(() => expect(agent.livingProcesses()).toEqual([]));
  await fleet.client.sessions.act(session.id, 'cancel');
  session.watch.close();
});

it('an agent that is stopped while the control plane is away leaves no temporary directory', async () => {
  const proxy = await TcpProxy.start(fleet.controlPlane.url);
  const agent = await fleet.agent('AGENT-ALONE', { url: proxy.url }).start();
  const session = await startSession(fleet.client, ['run echo "$TMPDIR" > where.txt; echo done; sleep 300']);
  const worktrees = join(agent.place.home, 'worktrees');
  const path = await eventually(() => {
    const [name] = readdirSync(worktrees).filter((one) => existsSync(join(worktrees, one, 'where.txt')));
    const where = readFileSync(join(worktrees, name!, 'where.txt'), 'utf8').trim();
    // The shell makes the file before it writes to it.
    expect(where).not.toBe('');
    return where;
  });
  expect(existsSync(path)).toBe(true);
  await proxy.stop();
  await agent.stop();
  expect(existsSync(path)).toBe(false);
  await fleet.client.sessions.act(session.id, 'cancel');
  session.watch.close();
});

it('an agent that starts after its sessions were deleted drops what it had of them', async () => {
  const agent = await fleet.agent('AGENT-LATE').start();
  const left = () => ['leases', 'worktrees'].flatMap((name) => readdirSync(join(agent.place.home, name)));
  const conversations = () => {
    using database = new DatabaseSync(join(agent.place.home, 'opencode/home/data/opencode/opencode.db'), {
      readOnly: true,
    });
    return database.prepare('SELECT directory FROM session').all();
  };
  const kept = await startSession(fleet.client, ['run head -c 9000000 /dev/urandom > a.bin']);
  await kept.ended('partially_completed');
  kept.watch.close();
  await eventually(() => expect(left()).toEqual([expect.stringMatching(/-1$/), expect.stringMatching(/-1.kept$/)]));
  const session = await startSession(fleet.client, ['run echo one > one.txt; sleep 300']);
  await session.seen((e) => e.type === 'tool' && e.data.state === 'running');
  await fleet.client.sessions.requestCheckpoint(session.id);
  await session.seen(({ type }) => type === 'checkpoint.created');
  expect(conversations()).toHaveLength(2);
  await agent.kill();
  await fleet.client.sessions.remove(session.id);
  await fleet.client.sessions.remove(kept.id);
  session.watch.close();
  await agent.start();
  await eventually(() => expect(left()).toEqual([]));
  await eventually(() => expect(conversations()).toEqual([]));
});
