import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { type StartedSession, startSession } from '../system/support/started-session.ts';
import { Gate } from '../system/support/tools.ts';
import { sharedFleet } from './support/shared-fleet.ts';

const fleet = sharedFleet();
const { client } = fleet;

const isRunningTool = (session: StartedSession, word: string) =>
  session.seen(
    (e) => e.type === 'tool' && e.data.state === 'running' && JSON.stringify(e.data.input ?? {}).includes(word),
  );

it('a paused session keeps its finished work, and continues with the rest when it is resumed', async () => {
  const counter = join(fleet.path, 'paused');
  const held = new Gate(join(fleet.path, 'paused-gate'));
  // The text between the two steps keeps the model busy, as a real one would be.
  const prompt = `${held.directive}; echo a >> ${counter}\nslow 20 200\nrun echo b >> ${counter}\nwrite last.txt: c`;
  const session = await startSession(client, [prompt]);
  await isRunningTool(session, 'sleep');
  await client.sessions.act(session.id, 'pause');
  held.open();
  await session.seen((e) => e.type === 'session.status' && e.data.to === 'paused');
  expect(readFileSync(counter, 'utf8')).toBe('a\n');
  await client.sessions.act(session.id, 'resume');
  await session.ended('completed');
  expect(readFileSync(counter, 'utf8')).toBe('a\nb\n');
  expect((await client.sessions.diff(session.id)).files.map(({ path }) => path)).toEqual(['last.txt']);
  session.watch.close();
});

it('a cancelled session ends while its tool still runs, which never finishes, and the work so far can be read', async () => {
  const [begun, after] = [join(fleet.path, 'begun'), join(fleet.path, 'after')];
  const session = await startSession(client, [`run echo > so-far.txt; echo > ${begun}; sleep 300; echo > ${after}`]);
  await eventually(() => expect(existsSync(begun)).toBe(true));
  await client.sessions.act(session.id, 'cancel');
  await session.ended('cancelled');
  await session.seen(({ type }) => type === 'lease.ended');
  expect(existsSync(after)).toBe(false);
  expect((await client.sessions.diff(session.id)).files.map(({ path }) => path)).toEqual(['so-far.txt']);
  session.watch.close();
});

it('a failed session has the model’s error', async () => {
  const session = await startSession(client, ['fail 400'], { max_attempts: 1 });
  const { error } = await session.ended('failed');
  expect(error).toMatchObject({ code: 'api_error', message: expect.stringContaining('scripted failure 400') });
  session.watch.close();
});

it('the limit of model turns ends a session as partially completed, with its work so far', async () => {
  const prompt = 'write one.txt: 1\nwrite two.txt: 2\nslow 20 200\nwrite three.txt: 3';
  const session = await startSession(client, [prompt], { agent_config: { max_turns: 2 } });
  const { error } = await session.ended('partially_completed');
  expect(error).toMatchObject({ code: 'max_turns' });
  expect((await client.sessions.diff(session.id)).files.map(({ path }) => path)).toEqual(['one.txt', 'two.txt']);
  session.watch.close();
});
