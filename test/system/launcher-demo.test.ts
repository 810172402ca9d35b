import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { exitCode } from '../../cli/command.ts';
import { createClient } from '../../src/client/client.ts';
import type { SessionDiff, SessionList } from '../../src/protocol/session.ts';
import type { CreatedToken } from '../../src/protocol/token.ts';
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

it('the demo with --exit shows a session of a real agent, its diff and the dashboard’s address, and ends with 0', async () => {
  const demo = launch('exit', ['demo', '--exit']);
  expect(await demo.exited).toBe(0);
  for (const pattern of [
    /^✓ write hello\.txt$/m,
    /^● completed$/m,
    /^ {2}\+Hello from an OpenCode agent\.$/m,
    /^open\s+http:\/\/127\.0\.0\.1:\d+\/#code=\S+$/m,
  ]) {
    expect(demo.output).toMatch(pattern);
  }
});

describe('the demo that keeps serving', () => {
  let demo: Launcher;
  beforeAll(async () => {
    demo = launch('serving', ['demo']);
    await demo.printed(/Press Ctrl-C/);
  });

  /** Another command line on the same data directory. */
  const oio = async (...args: string[]) => {
    const command = launch('serving', args);
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
    const failed = await oio('session', 'create', 'fail 400', '--watch');
    expect(failed).toMatchObject({ code: exitCode.failed, output: expect.stringMatching(/^● failed/m) });
  });

  it('lists and shows sessions for programs, with their diff', async () => {
    const list = JSON.parse((await oio('session', 'list', '--tag', 'cli', '--json')).output) as SessionList;
    expect(list.items.map(({ title, status }) => [title, status])).toEqual([['write again.txt: there', 'completed']]);
    const { output } = await oio('session', 'diff', list.items[0]?.id ?? '', '--json');
    expect((JSON.parse(output) as SessionDiff).files.map(({ path }) => path)).toEqual(['again.txt']);
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

  it('leaves no process behind when it stops, OpenCode’s included', async () => {
    const processes = descendantsOf(demo.process.pid);
    expect(processes.length).toBeGreaterThanOrEqual(8);
    expect(await demo.pressCtrlC()).toBe(0);
    expect(processes.filter(lives)).toEqual([]);
  });
});

describe('an agent on the person’s own OpenCode', () => {
  it('says that there is no model and how to get one, while the control plane goes on', async () => {
    const home = join(scratch, 'home');
    mkdirSync(join(home, '.config', 'opencode'), { recursive: true });
    writeFileSync(join(home, '.config', 'opencode', 'opencode.json'), '{"enabled_providers": []}');
    const repository = createRepository(join(scratch, 'repository'));
    const launcher = launch('no-model', ['up', '--dir', repository], { HOME: home, ...noDatabase });
    await launcher.printed(/^agent\s+OpenCode has no model: .*opencode auth login/m);
    await launcher.printed(/^agent\s+ended with code 3; not started again/m);
    expect((await fetch(`${launcher.server().url}/health`)).status).toBe(200);
  });
});
