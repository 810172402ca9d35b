import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { exitCode } from '../../cli/command.ts';
import type { SessionDiff } from '../../src/protocol/session/checkpoint.ts';
import type { SessionList } from '../../src/protocol/session/list.ts';
import type { SessionView } from '../../src/protocol/session/session.ts';
import type { CreatedToken } from '../../src/protocol/workspace/token.ts';
import { checkedClient } from '../support/checked-client.ts';
import { eventually } from '../support/eventually.ts';
import { Launcher } from '../system/support/launcher.ts';
import { createRepository } from '../system/support/rig.ts';
import { oioOf } from './support/oio.ts';
import { sharedFleet } from './support/shared-fleet.ts';

const fleet = sharedFleet();

/** Runs the command line on the control plane's data directory. */
const oio = (...args: string[]) => oioOf(fleet, ...args);

it('oio session create --watch shows the work and says by its exit code whether it completed', async () => {
  const completed = await oio('session', 'create', 'write again.txt: there', '--tag', 'cli', '--watch');
  expect(completed).toMatchObject({ code: 0, output: expect.stringMatching(/^✓ write again\.txt$/m) });
  expect(completed.output).toMatch(/^· npm run oio -- session diff [0-9a-f-]{36}$/m);
  const failed = await oio('session', 'create', 'fail 400', '--watch');
  expect(failed).toMatchObject({ code: exitCode.failed, output: expect.stringMatching(/^● failed/m) });
});

it('oio session list and diff print JSON for programs, and a patch that git applies', async () => {
  await oio('session', 'create', 'write patched.txt: there', '--tag', 'patched', '--watch');
  const list = JSON.parse((await oio('session', 'list', '--tag', 'patched', '--json')).output) as SessionList;
  expect(list.items.map(({ title, status }) => [title, status])).toEqual([['write patched.txt: there', 'completed']]);
  const id = list.items[0]?.id ?? '';
  const { files } = JSON.parse((await oio('session', 'diff', id, '--json')).output) as SessionDiff;
  expect(files.map(({ path }) => path)).toEqual(['patched.txt']);
  const patch = await oio('session', 'diff', id, '--patch');
  const repository = createRepository(join(fleet.path, 'checkout'));
  execFileSync('git', ['-C', repository, 'apply'], { input: patch.output });
  expect(readFileSync(join(repository, 'patched.txt'), 'utf8')).toBe('there\n');
});

it('oio session diff fails, and names what is missing, when the patch does not hold all of the work', async () => {
  const prompt = 'run head -c 9000000 /dev/urandom > large.bin\nwrite small.txt: there';
  await oio('session', 'create', prompt, '--tag', 'large', '--watch');
  const list = JSON.parse((await oio('session', 'list', '--tag', 'large', '--json')).output) as SessionList;
  const id = list.items[0]?.id ?? '';
  for (const options of [[], ['--patch'], ['--json']]) {
    const { code, output } = await oio('session', 'diff', id, ...options);
    expect([code, output]).toEqual([exitCode.failed, expect.stringContaining('This is not in the patch: large.bin')]);
    expect(output).toContain('small.txt');
  }
});

it('oio session create --watch --json prints the session first, and oio approve answers it by a part of its id', async () => {
  const args = ['session', 'create', 'run echo allowed', '--ask', 'bash', '--watch', '--json'];
  const watching = new Launcher({ dataDirectory: fleet.address.dataDirectory, args });
  const id = await eventually(() => {
    expect(watching.output).toContain('"approval.asked"');
    return (JSON.parse(watching.output.split('\n')[0] ?? '') as SessionView).id;
  });
  expect(await oio('approve', id.slice(0, 18))).toMatchObject({
    code: 0,
    output: expect.stringContaining('allowed once:'),
  });
  expect(await watching.exited).toBe(0);
  expect(await oio('reject', id)).toMatchObject({ output: expect.stringContaining('has no open approval') });
});

it('oio session create --watch says why the session waits for an agent', async () => {
  const args = ['session', 'create', 'say hello', '--label', 'gpu=true', '--tag', 'waits', '--watch'];
  const watching = new Launcher({ dataDirectory: fleet.address.dataDirectory, args });
  await watching.printed(/^· No connected agent has label gpu=true\./m);
  // Other files have sessions in the same control plane.
  const { items } = await fleet.client.sessions.list({ tag: 'waits' });
  await fleet.client.sessions.act(items[0]!.id, 'cancel');
  expect(await watching.exited).toBe(exitCode.failed);
});

it('oio open prints a link to a session’s page that signs in, where there is no browser', async () => {
  const { items } = JSON.parse((await oio('session', 'list', '--json')).output) as SessionList;
  const id = items[0]?.id ?? '';
  const { code, output } = await oio('open', id.slice(0, 18));
  expect([code, output]).toEqual([0, expect.stringContaining(`${fleet.address.url}/sessions/${id}#code=`)]);
});

it('oio open makes an address for each role of a person', async () => {
  for (const role of ['viewer', 'operator', 'admin']) {
    const { output } = await oio('open', '--role', role, '--print');
    const code = /#code=(\S+)/.exec(output)?.[1] ?? '';
    expect(await fleet.client.codes.redeem(code)).toMatchObject({ role });
  }
  expect(await oio('open', '--role', 'agent')).toMatchObject({ code: exitCode.usage });
});

it('oio session show names the agent and the cost', async () => {
  const { output } = await oio('session', 'create', 'say shown', '--json', '--watch');
  const { id } = JSON.parse(output.split('\n')[0] ?? '') as SessionView;
  expect((await oio('session', 'show', id)).output).toMatch(
    /completed {2}say shown\n {2}agent AGENT-\S+, created \d+s ago\n(.+\n)*? {2}\d+ tokens in, \d+ out, \$0\.\d{4}\n/,
  );
});

it('oio session rate rates the work of an agent, and oio session show and oio agent show have the rating', async () => {
  const { output } = await oio('session', 'create', 'say hello', '--watch', '--json');
  const { id } = JSON.parse(output.split('\n')[0] ?? '') as SessionView;
  const rated = await oio('session', 'rate', id.slice(0, 18), '0.75', '--comment', 'Brief.');
  expect(rated).toMatchObject({ code: 0, output: expect.stringMatching(/^rated the work of AGENT-\S+: 0\.75$/m) });
  const [, agent] = /of (\S+):/.exec(rated.output)!;
  expect((await oio('session', 'show', id)).output).toContain('rated 0.75: Brief.');
  // Other files rate the same agent, and this is the mean.
  await eventually(async () => expect((await oio('agent', 'show', agent!)).output).toMatch(/, quality \d\.\d\d$/m));
  const refused = await oio('session', 'rate', id, '75');
  expect(refused).toMatchObject({ code: exitCode.usage, output: expect.stringContaining('a number from 0 to 1') });
});

it('oio agent list shows the agents that are connected', async () => {
  const { output } = await oio('agent', 'list');
  expect(output).toMatch(
    /^name +state +slots +load +type +tier +model +labels\n(.+\n)*AGENT-\S+ +connected +\d+\/\d+ +\w+ +implementer +competent +\S+\/\S+ +\S/,
  );
});

it('oio prints the server’s error text when the server refuses', async () => {
  const { code, output } = await oio('session', 'cancel', '0198c2f0-1a2b-8c3d-9e4f-5a6b00000000');
  expect(code).toBe(exitCode.failed);
  expect(output).toMatch(/^oio: .+ \(request \S+\)$/m);
});

it('oio token creates a token that has exactly the permissions of its role', async () => {
  const { output } = await oio('token', '--role', 'viewer', '--name', 'screen', '--expires', '1h', '--json');
  const { token } = JSON.parse(output) as CreatedToken;
  const viewer = checkedClient({ baseUrl: fleet.address.url, token });
  expect((await viewer.sessions.list()).page).toBe(1);
  await expect(viewer.tokens.list()).rejects.toMatchObject({ status: 403 });
});

it('oio token list shows the tokens without their secrets, and oio token revoke ends one with what it has made', async () => {
  const made = JSON.parse((await oio('token', '--role', 'admin', '--name', 'to end', '--json')).output) as CreatedToken;
  const maker = checkedClient({ baseUrl: fleet.address.url, token: made.token });
  const child = await maker.tokens.create({ name: 'of it', role: 'viewer' });
  const { output } = await oio('token', 'list');
  expect(output).toMatch(new RegExp(`^${made.id}  admin +\\d+s ago +- +\\d+s ago +in \\d+d +to end$`, 'm'));
  expect(output).toMatch(new RegExp(`^${child.id}  viewer +\\d+s ago +${made.id} +never +in \\d+d +of it$`, 'm'));
  expect(output).not.toContain(made.token);
  expect(await oio('token', 'revoke', made.id.slice(0, 13))).toMatchObject({
    code: 0,
    output: 'revoked the admin token "to end"\nand the viewer token "of it", which it made\n',
  });
  expect((await oio('token', 'list')).output).toMatch(new RegExp(`^${made.id}.* revoked \\d+s ago +to end$`, 'm'));
  const again = await oio('token', 'revoke', made.id);
  expect([again.code, again.output]).toEqual([exitCode.failed, expect.stringContaining('No valid token')]);
});

it('oio session create passes on the repository and OpenCode’s agent, and oio session list shows the age', async () => {
  const place = ['--repository', 'git@github.com:acme/none.git', '--ref', 'main', '--agent', 'plan'];
  const { output } = await oio('session', 'create', 'say hello', '--no-start', '--tag', 'placed', ...place, '--json');
  const view = JSON.parse(output) as SessionView;
  expect(view.repository).toEqual({ url: 'git@github.com:acme/none.git', ref: 'main' });
  expect(view.agent_config).toEqual({ agent: 'plan' });
  expect((await oio('session', 'list', '--tag', 'placed')).output).toMatch(
    /^id +status +age +agent +cost +title\n\S{36} {2}pending +\d+s {2}- +- {2}say hello$/m,
  );
});

it('oio session delete deletes with --yes, and without a terminal says how', async () => {
  const { output } = await oio('session', 'create', 'say hello', '--no-start', '--json');
  const { id } = JSON.parse(output) as SessionView;
  expect(await oio('session', 'delete', id)).toMatchObject({
    code: exitCode.usage,
    output: expect.stringContaining('--yes'),
  });
  expect(await oio('session', 'delete', id, '--yes')).toMatchObject({ code: 0, output: `Deleted ${id}.\n` });
  expect(await oio('session', 'show', id)).toMatchObject({ code: exitCode.failed });
});

it('oio session create --watch ends when nobody reads its output', async () => {
  const args = ['session', 'create', 'never started', '--no-start', '--watch'];
  const command = new Launcher({ dataDirectory: fleet.address.dataDirectory, args });
  command.process.stdout?.destroy();
  expect(await command.exited).toBe(0);
});

it('oio task decompose shows the parts of a task, and makes them unless it is a preview', async () => {
  const { id } = await fleet.client.sessions.create({ title: 'A CRUD', initial_prompt: 'Do it.' });
  const shown = await oio('task', 'decompose', `${id}/1`, '--preview');
  expect(shown.output).toContain('split by the template crud');
  expect(shown.output).toContain('6  Tests: A CRUD  3 h  after 2, 3, 4, 5');
  expect(await fleet.client.tasks.list(id)).toHaveLength(1);
  const made = await oio('task', 'decompose', `${id}/1`, '--strategy', 'temporal');
  expect([made.code, made.output]).toMatchObject([exitCode.ok, expect.stringContaining('2  Preparation: A CRUD')]);
  expect(await fleet.client.tasks.list(id)).toHaveLength(5);
  expect((await oio('task', 'decompose', `${id}/1`, '--strategy', 'magic')).code).toBe(exitCode.usage);
});
