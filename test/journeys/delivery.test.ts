import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { exitCode } from '../../cli/command.ts';
import type { BranchDelivery } from '../../src/protocol/session/deliver.ts';
import type { SessionView } from '../../src/protocol/session/session.ts';
import { gitIn } from '../support/git-in.ts';
import { readLog } from '../system/support/agreement.ts';
import { cloneRepository } from '../system/support/rig.ts';
import { agentsOf, startGraph, whenEnded } from '../system/support/session-of-tasks.ts';
import { Meeting } from '../system/support/tools.ts';
import { oioOf } from './support/oio.ts';
import { sharedFleet } from './support/shared-fleet.ts';

const fleet = sharedFleet();
afterAll(() => fleet.removeAgents());

const oio = (...args: string[]) => oioOf(fleet, ...args);
/** The agents that work on halves of one session. */
const both = ['site=merges'];
const here = ['--label', 'site=delivers'];

let remote: string;
let clone: string;
beforeAll(async () => {
  remote = join(fleet.path, 'delivered.git');
  clone = join(fleet.path, 'delivering');
  execFileSync('git', ['clone', '-q', '--bare', fleet.address.origin, remote]);
  const other = join(fleet.path, 'merging');
  const agents = [
    fleet.agent('AGENT-DELIVERS', {
      labels: ['site=delivers', ...both],
      capacity: 1,
      clone: cloneRepository(remote, clone),
    }),
    fleet.agent('AGENT-MERGES', { labels: both, capacity: 1, clone: cloneRepository(remote, other) }),
  ];
  await Promise.all(agents.map((agent) => agent.start()));
});

it('oio run does a prompt, and delivers the work to a branch of the remote', async () => {
  const prompt = 'write delivered.txt: there';
  const options = ['--branch', 'oio/run', '--push', '--message', 'Add a file'];
  const { code, output } = await oio('run', prompt, ...here, ...options);
  expect([code, output]).toEqual([exitCode.ok, expect.stringMatching(/on the branch oio\/run, pushed to origin\.$/m)]);
  expect(gitIn(remote, 'show', 'oio/run:delivered.txt')).toBe('there');
  expect(gitIn(remote, 'log', '-1', '--format=%B|%an', 'oio/run').replaceAll('\n', '')).toBe(
    'Add a file|OpenCode Industrial Orchestrator',
  );
  expect(gitIn(remote, 'rev-parse', 'oio/run^')).toBe(gitIn(clone, 'rev-parse', 'HEAD'));
  expect(gitIn(clone, 'status', '--porcelain', '--branch')).toBe('## main...origin/main');
});

it('oio run says by its exit code how the session has ended', async () => {
  expect((await oio('run', 'fail 400', ...here)).code).toBe(exitCode.failed);
  const { code, output } = await oio('run', 'say hello', ...here, '--deliver', '--json');
  const ended = JSON.parse(output.trim().split('\n').at(-1) ?? '') as SessionView;
  expect([code, ended.status]).toEqual([exitCode.ok, 'completed']);
  expect(ended.delivery).toMatchObject({ state: 'failed', reason: expect.stringContaining('has changed no file') });
});

it('oio session deliver names branch and commit, again too, and leaves a branch that has moved as it is', async () => {
  const { output } = await oio('run', 'write later.txt: there', ...here, '--json');
  const { id } = JSON.parse(output.split('\n')[0] ?? '') as SessionView;
  const deliver = async (...options: string[]) => {
    const { code, output } = await oio(
      'session',
      'deliver',
      id,
      '--branch',
      'oio/later',
      '--wait',
      '--json',
      ...options,
    );
    return { code, delivery: JSON.parse(output) as BranchDelivery };
  };
  const first = await deliver();
  expect(first).toMatchObject({ code: 0, delivery: { state: 'delivered', pushed: false, branch: 'oio/later' } });
  expect(gitIn(clone, 'rev-parse', 'oio/later')).toBe(first.delivery.commit);
  expect(await deliver()).toEqual(first);

  const theirs = gitIn(remote, 'commit-tree', gitIn(remote, 'rev-parse', 'main^{tree}'), '-p', 'main', '-m', 'Theirs');
  gitIn(remote, 'update-ref', 'refs/heads/oio/later', theirs);
  const moved = await deliver('--push');
  expect(moved).toMatchObject({
    code: exitCode.failed,
    delivery: { state: 'conflict', commit: first.delivery.commit },
  });
  expect(moved.delivery.reason).toContain('has a branch oio/later with other content');
  expect(gitIn(remote, 'rev-parse', 'oio/later')).toBe(theirs);
  expect((await oio('session', 'show', id)).output).toMatch(/completed .*\n(.+\n)*? {2}Not delivered to the branch/);
});

it('the merged work of two clones is pushed to the remote as one commit, and not to a branch that has another one', async () => {
  const meeting = new Meeting(join(fleet.path, 'delivered together'), 2);
  const half = (name: string) => ({
    title: `Build the ${name} half`,
    description: `${meeting.directive}\nwrite ${name}.txt: ${name}`,
  });
  const branch = 'oio/merged';
  const id = await startGraph(fleet.client, [half('left'), half('right')], {
    required_labels: both,
    deliver: { branch, push: true },
  });
  const session = await whenEnded(fleet.client, id);
  expect(session.status, JSON.stringify(session)).toBe('completed');
  expect(session.tasks.slice(1).map(({ kind }) => kind)).toEqual(['work', 'work', 'integrate', 'deliver']);
  const log = await readLog(fleet.client, id);
  expect(new Set([2, 3].flatMap((task) => agentsOf(log, task))).size).toBe(2);
  const { commit } = session.delivery!;
  expect(session.delivery).toMatchObject({ state: 'delivered', branch, pushed: true });
  expect(gitIn(remote, 'rev-parse', branch)).toBe(commit);
  expect(gitIn(remote, 'diff', '--name-only', 'main', branch)).toBe('left.txt\nright.txt');
  expect(gitIn(remote, 'rev-parse', `${branch}^`)).toBe(gitIn(remote, 'rev-parse', 'main'));

  // Somebody else has pushed to the branch before.
  const theirs = gitIn(remote, 'rev-parse', 'main');
  gitIn(remote, 'update-ref', 'refs/heads/oio/taken', theirs);
  const { code, output } = await oio('session', 'deliver', id, '--branch', 'oio/taken', '--push', '--wait', '--json');
  expect([code, JSON.parse(output)]).toMatchObject([exitCode.failed, { state: 'conflict', commit }]);
  expect(gitIn(remote, 'rev-parse', 'oio/taken')).toBe(theirs);
});

it('oio task and oio session graph show the tasks of a session in their order', async () => {
  const { id } = await fleet.client.sessions.create({ title: 'A graph', initial_prompt: 'Do it', max_parallel: 2 });
  const task = (name: string, depends_on: string[] = []) => {
    const estimate = { optimistic_hours: 1, likely_hours: 2, pessimistic_hours: 3 };
    return { name, title: `Task ${name}`, description: 'say hello', depends_on, estimate };
  };
  await fleet.client.tasks.createGraph(id, { tasks: [task('a'), task('b'), task('c', ['a', 'b'])] });
  const graph = await oio('session', 'graph', id, '--agents', '1');
  expect(graph.output).toMatch(/level 0\n(.+\n)*.*2 Task a {2}pending(.+\n)+.*4 Task c .*after 2, 3/);
  expect(graph.output).toContain('with 1 agent at a time');
  expect((await oio('task', 'list', id)).output).toMatch(/^ +4 +pending +work +- +2, 3 +Task c$/m);
  expect((await oio('task', 'cancel', `${id}/2`)).output).toContain('cancelled');
  expect((await oio('task', 'show', `${id.slice(0, 18)}/2`)).output).toMatch(/^\S+00000002 {2}cancelled {2}Task a$/m);
  expect((await oio('task', 'retry', `${id}/2`)).output).toContain('pending');
  expect(await oio('task', 'show', 'nothing')).toMatchObject({ code: exitCode.usage });
});
