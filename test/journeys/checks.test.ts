import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import type { SessionEvent } from '../../src/protocol/events/envelope.ts';
import type { CheckResult } from '../../src/protocol/session/checks.ts';
import { startSession } from '../system/support/started-session.ts';
import { oioOf } from './support/oio.ts';
import { sharedFleet } from './support/shared-fleet.ts';

const fleet = sharedFleet();
const directory = mkdtempSync(join(tmpdir(), 'oio-checks-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const oio = (...args: string[]) => oioOf(fleet, ...args);

/** Fails until there is a file, and tells the scripted model how to make it. */
const FIXED = 'test -f fixed.txt || { echo "write fixed.txt: yes"; exit 3; }';

const isCheck = (outcome: string) => (event: SessionEvent) =>
  event.type === 'check.ended' && event.data.outcome === outcome;

it('a check that fails goes back to the model, which mends its work, and the session completes with it', async () => {
  const session = await startSession(fleet.client, ['write first.txt: one'], { checks: ['test -f first.txt', FIXED] });
  const { result } = await session.ended('completed');
  expect(result).toMatchObject({
    success: true,
    checks: [
      { command: 'test -f first.txt', outcome: 'passed', exit_code: 0 },
      { command: FIXED, outcome: 'passed', exit_code: 0 },
    ],
  });
  expect(session.watch.events.filter(isCheck('failed'))).toHaveLength(1);
  const patch = new TextDecoder().decode(await fleet.client.sessions.patch(session.id));
  expect(patch).toContain('fixed.txt');
  const shown = (await oio('session', 'show', session.id)).output;
  expect(shown).toContain('✓ check test -f first.txt');
  session.watch.close();
});

it('a check that stays red fails the session with its output, after as many prompts as it allows', async () => {
  const session = await startSession(fleet.client, ['write first.txt: one'], {
    checks: ['echo "expected blue, got red"; exit 1'],
    max_check_rounds: 1,
  });
  const { error, result } = await session.ended('failed');
  expect(error).toMatchObject({ code: 'checks_failed', retryable: false });
  expect(error!.message).toContain('expected blue, got red');
  expect((result!.checks as CheckResult[])[0]).toMatchObject({ outcome: 'failed', exit_code: 1 });
  expect(session.watch.events.filter(isCheck('failed'))).toHaveLength(2);
  expect((await oio('session', 'show', session.id)).output).toContain('✗ check');
  session.watch.close();
});

it('an agent that is killed between two rounds gives the work no more of them', async () => {
  const labels = ['site=checks'];
  const gate = join(directory, 'gate');
  const first = fleet.agent('AGENT-CHECKS-A', { labels });
  await first.start();
  const session = await startSession(fleet.client, ['write first.txt: one'], {
    // The prompt with the failed check ends only after the agent was killed.
    checks: [`echo 'run until [ -e ${gate} ]; do sleep 0.1; done'; exit 1`],
    required_labels: labels,
    max_check_rounds: 1,
  });
  await session.seen((event) => event.type === 'turn.started' && event.data.message === 2);
  await first.kill();
  writeFileSync(gate, '');
  const second = fleet.agent('AGENT-CHECKS-B', { labels });
  await second.start();
  const { error } = await session.ended('failed');
  expect(error).toMatchObject({ code: 'checks_failed' });
  const events = session.watch.events;
  expect(events.filter((event) => event.type === 'message.added' && event.data.by === 'checks')).toHaveLength(1);
  const rounds = events.flatMap((event) => (event.type === 'check.ended' ? event.data.round : []));
  expect(rounds).toEqual([1, 2]);
  session.watch.close();
});
