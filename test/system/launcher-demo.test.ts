import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { exitCode } from '../../cli/command.ts';
import { createClient } from '../../src/client/client.ts';
import type { SessionDiff } from '../../src/protocol/session/checkpoint.ts';
import type { SessionList } from '../../src/protocol/session/list.ts';
import type { Readiness } from '../../src/protocol/system/readiness.ts';
import type { CreatedToken } from '../../src/protocol/workspace/token.ts';
import { descendantsOf, Launcher, lives, noDatabase } from './support/launcher.ts';
import { createRepository } from './support/rig.ts';

const scratch = mkdtempSync(join(tmpdir(), 'oio-demo-'));
const launchers: Launcher[] = [];
afterAll(async () => {
  await Promise.all(launchers.map((launcher) => launcher.end()));
  rmSync(scratch, { recursive: true, force: true });
});

function launch(name: string, args: string[], env: Record<string, string> = {}): Launcher {
  const launcher = new Launcher({ dataDirectory: join(scratch, name), args, env });
  launchers.push(launcher);
  return launcher;
}

const signInCode = (demo: Launcher) => /#code=(\S+)/.exec(demo.output)?.[1] ?? '';

/** No log below a data directory, OpenCode's own included, may hold what its files keep secret, or these others. */
function expectNoSecretLogged(name: string, others: string[]): void {
  const file = (path: string) => readFileSync(join(scratch, name, path), 'utf8').trim();
  const agentToken = (JSON.parse(file('agent-token.json')) as CreatedToken).token;
  const secrets = [file('admin-token'), file('signing-keys').replace(/^\w+:/, ''), agentToken, ...others];
  for (const secret of secrets) expect(secret).toMatch(/^.{32,}$/);
  const logs = readdirSync(join(scratch, name), { recursive: true, encoding: 'utf8' }).filter((path) =>
    /\.log(\.1)?$/.test(path),
  );
  expect(logs).toEqual(expect.arrayContaining(['worker', 'agent', 'postgres'].map((log) => `logs/${log}.log`)));
  for (const log of logs) {
    const text = file(log);
    for (const secret of secrets) expect(text.includes(secret), `${log} has ${secret}`).toBe(false);
    if (log.startsWith('logs')) for (const line of text.split('\n')) expect(() => JSON.parse(line), line).not.toThrow();
  }
}

it('the demo with --exit shows a session of a real agent, its diff and the dashboard’s address, and ends with 0', async () => {
  const demo = launch('demo', ['demo', '--exit']);
  expect(await demo.exited).toBe(0);
  for (const pattern of [
    /^✓ write hello\.txt$/m,
    /^● completed$/m,
    /^ {2}\+Hello from an OpenCode agent\.$/m,
    /^open\s+http:\/\/127\.0\.0\.1:\d+\/#code=\S+$/m,
  ]) {
    expect(demo.output).toMatch(pattern);
  }
  expect(demo.output).not.toContain('worktrees');
  expectNoSecretLogged('demo', [signInCode(demo)]);
});

describe('the demo that keeps serving', () => {
  let demo: Launcher;
  beforeAll(async () => {
    // On what the first demo left: a new database takes seconds of computing.
    demo = launch('demo', ['demo']);
    await demo.printed(/Press Ctrl-C/);
  });

  /** Another command line on the same data directory. */
  const oio = async (...args: string[]) => {
    const command = launch('demo', args);
    return { code: await command.exited, output: command.output };
  };

  it('has its agent again after a SIGKILL', async () => {
    const killed = demo.pidOf('agent') ?? 0;
    process.kill(killed, 'SIGKILL');
    await demo.printed(/^agent\s+ended with code 137; starting again/m);
    await vi.waitFor(
      () => {
        const pid = demo.pidOf('agent');
        expect(pid).toEqual(expect.any(Number));
        expect(pid).not.toBe(killed);
      },
      { timeout: 30_000 },
    );
  });

  it('runs a session from the command line, and tells by the exit code whether it completed', async () => {
    const completed = await oio('session', 'create', 'write again.txt: there', '--tag', 'cli', '--watch');
    expect(completed).toMatchObject({ code: 0, output: expect.stringMatching(/^✓ write again\.txt$/m) });
    expect(completed.output).toMatch(/^· npm run oio -- session diff [0-9a-f-]{36}$/m);
    const failed = await oio('session', 'create', 'fail 400', '--watch');
    expect(failed).toMatchObject({ code: exitCode.failed, output: expect.stringMatching(/^● failed/m) });
  });

  it('lists and shows sessions for programs, with a diff that git applies', async () => {
    const list = JSON.parse((await oio('session', 'list', '--tag', 'cli', '--json')).output) as SessionList;
    expect(list.items.map(({ title, status }) => [title, status])).toEqual([['write again.txt: there', 'completed']]);
    const { output } = await oio('session', 'diff', list.items[0]?.id ?? '', '--json');
    expect((JSON.parse(output) as SessionDiff).files.map(({ path }) => path)).toEqual(['again.txt']);
    const patch = await oio('session', 'diff', list.items[0]?.id ?? '', '--patch');
    const repository = createRepository(join(scratch, 'checkout'));
    execFileSync('git', ['-C', repository, 'apply'], { input: patch.output });
    expect(readFileSync(join(repository, 'again.txt'), 'utf8')).toBe('there\n');
  });

  it('refuses what the server refuses, in the server’s words', async () => {
    const { code, output } = await oio('session', 'cancel', '0198c2f0-1a2b-8c3d-9e4f-5a6b00000000');
    expect(code).toBe(exitCode.failed);
    expect(output).toMatch(/^oio: .+ \(request \S+\)$/m);
  });

  it('gives out a token of a role, which holds what the role may do', async () => {
    const { output } = await oio('token', '--role', 'viewer', '--name', 'screen', '--expires', '1h', '--json');
    const { token } = JSON.parse(output) as CreatedToken;
    const viewer = createClient({ baseUrl: demo.server().url, token });
    expect((await viewer.sessions.list()).total).toBeGreaterThan(0);
    await expect(viewer.tokens.list()).rejects.toMatchObject({ status: 403 });
  });

  it('watches no longer than somebody reads', async () => {
    const command = launch('demo', ['session', 'create', 'never started', '--no-start', '--watch']);
    command.process.stdout?.destroy();
    expect(await command.exited).toBe(0);
  });

  it('logs JSON lines without a secret, and keeps the agent’s files out of a repository', () => {
    const environment = execFileSync('ps', ['eww', '-o', 'command=', '-p', String(demo.pidOf('postgres'))]);
    const password = /OIO_POSTGRES_PASSWORD=(\S+)/.exec(environment.toString())?.[1] ?? '';
    expectNoSecretLogged('demo', [signInCode(demo), password]);
    expect(readFileSync(join(scratch, 'demo', 'agent', '.gitignore'), 'utf8')).toBe('*\n');
  });

  it('answers while its Postgres is killed, and has it again', async () => {
    const { url } = demo.server();
    const postgresState = async () => {
      const answer = await fetch(`${url}/ready`);
      const { dependencies } = (await answer.json()) as Readiness;
      return [answer.status, dependencies.find(({ name }) => name === 'postgres')?.status];
    };
    const backAgain = () =>
      vi.waitFor(async () => expect(await postgresState()).toEqual([200, 'ok']), { timeout: 60_000, interval: 100 });
    await backAgain();
    process.kill(demo.pidOf('postgres') ?? 0, 'SIGKILL');
    await demo.printed(/^postgres\s+ended with code 137; starting again/m);
    expect((await fetch(`${url}/health`)).status).toBe(200);
    await backAgain();
  });

  it('leaves no process behind when it stops, OpenCode’s included', async () => {
    const processes = descendantsOf(demo.process.pid);
    expect(processes.length).toBeGreaterThanOrEqual(8);
    expect(await demo.pressCtrlC()).toBe(0);
    expect(processes.filter(lives)).toEqual([]);
  });
});

describe('an agent on the person’s own OpenCode', () => {
  let repository: string;
  beforeAll(() => {
    repository = createRepository(join(scratch, 'repository'));
  });

  const homeWith = (name: string, configuration: string) => {
    const home = join(scratch, name);
    mkdirSync(join(home, '.config', 'opencode'), { recursive: true });
    writeFileSync(join(home, '.config', 'opencode', 'opencode.json'), configuration);
    return home;
  };

  it('says of a configuration that is broken what OpenCode says, and nothing of a missing model', async () => {
    const env = { HOME: homeWith('broken', '{ "model": '), OIO_AGENT_TOKEN: 'any' };
    const agent = launch('broken-agent', ['agent', '--url', 'http://127.0.0.1:9', '--dir', repository], env);
    expect(await agent.exited).toBe(exitCode.environment);
    expect(agent.output).toContain('ValueExpected at line');
    expect(agent.output).not.toMatch(/has no model|^\s+at /m);
  });

  it('says that there is no model and how to get one, while the control plane goes on', async () => {
    const home = homeWith('home', '{"enabled_providers": []}');
    const launcher = launch('no-model', ['up', '--dir', repository], { HOME: home, ...noDatabase });
    await launcher.printed(/^agent\s+OpenCode has no model: .*opencode auth login/m);
    await launcher.printed(/^agent\s+ended with code 3; not started again/m);
    expect((await fetch(`${launcher.server().url}/health`)).status).toBe(200);
  });
});
