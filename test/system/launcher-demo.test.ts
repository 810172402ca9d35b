import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exitCode } from '../../cli/command.ts';
import { scriptedModelConfig } from '../../cli/demo/scripted-model.ts';
import type { Readiness } from '../../src/protocol/system/readiness.ts';
import { checkedClient } from '../support/checked-client.ts';
import { eventually } from '../support/eventually.ts';
import { NO_POSTGRES } from './support/fleet.ts';
import { descendantsOf, Launcher, lives } from './support/launcher.ts';
import { expectNoSecretLogged } from './support/logs.ts';
import { createRepository, type ScriptedModel, startScriptedModel } from './support/rig.ts';

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

describe('npm run demo', () => {
  let demo: Launcher;
  let postgresPassword: string;
  beforeAll(async () => {
    demo = launch('demo', ['demo']);
    await demo.printed(/Press Ctrl-C/);
    await postgresIsUp();
    const environment = execFileSync('ps', ['eww', '-o', 'command=', '-p', String(await demo.pidOf('postgres'))]);
    postgresPassword = /OIO_POSTGRES_PASSWORD=(\S+)/.exec(environment.toString())?.[1] ?? '';
  });

  async function postgresState() {
    const response = await fetch(`${demo.server().url}/ready`);
    const { dependencies } = (await response.json()) as Readiness;
    return [response.status, dependencies.find(({ name }) => name === 'postgres')?.status];
  }
  const postgresIsUp = () => eventually(async () => expect(await postgresState()).toEqual([200, 'ok']));

  it('starts its agent again after a SIGKILL, and the agent works', async () => {
    const killed = await demo.kill('agent');
    await demo.printed(/^agent\s+ended with code 137; restarting/m);
    const session = launch('demo', ['session', 'create', 'write again.txt: there', '--watch']);
    expect(await session.exited).toBe(0);
    expect(await demo.pidOf('agent')).not.toBe(killed);
  });

  it('responds while its Postgres is killed, and restarts it', async () => {
    const { url } = demo.server();
    await demo.kill('postgres');
    await demo.printed(/^postgres\s+ended with code 137; restarting/m);
    expect((await fetch(`${url}/health`)).status).toBe(200);
    await postgresIsUp();
  });

  it('leaves no process behind when it stops, not even OpenCode’s', async () => {
    const processes = descendantsOf(demo.process.pid);
    expect(processes.length).toBeGreaterThanOrEqual(8);
    expect(await demo.pressCtrlC()).toBe(0);
    expect(processes.filter(lives)).toEqual([]);
  });

  // This test is the last one, because a directory changes while a process still uses it.
  it('has logged JSON lines without a secret, and kept the agent’s files out of the repository', () => {
    const secrets = [signInCode(demo), postgresPassword];
    expectNoSecretLogged(join(scratch, 'demo'), ['worker', 'agent', 'postgres'], secrets);
    expect(readFileSync(join(scratch, 'demo', 'agent', '.gitignore'), 'utf8')).toBe('*\n');
  });
});

describe('an agent with the user’s own OpenCode configuration', () => {
  let repository: string;
  let model: ScriptedModel;
  beforeAll(async () => {
    repository = createRepository(join(scratch, 'repository'));
    model = await startScriptedModel();
  });
  afterAll(() => model.close());

  const homeWith = (name: string, configuration: string) => {
    const home = join(scratch, name);
    mkdirSync(join(home, '.config', 'opencode'), { recursive: true });
    writeFileSync(join(home, '.config', 'opencode', 'opencode.json'), configuration);
    return home;
  };

  it('reports OpenCode’s error about an invalid configuration, and not a missing model', async () => {
    const env = { HOME: homeWith('broken', '{ "model": '), OIO_AGENT_TOKEN: 'any' };
    const agent = launch('broken-agent', ['agent', '--url', 'http://127.0.0.1:9', '--dir', repository], env);
    expect(await agent.exited).toBe(exitCode.environment);
    expect(agent.output).toContain('ValueExpected at line');
    expect(agent.output).not.toMatch(/has no model|^\s+at /m);
  });

  it('says how to add a missing model, while the control plane keeps running', async () => {
    const home = homeWith('home', '{"enabled_providers": []}');
    const launcher = launch('no-model', ['up', '--dir', repository], { HOME: home, ...NO_POSTGRES });
    await launcher.printed(/^agent\s+OpenCode has no model: .*opencode-ai auth login/m);
    await launcher.printed(/^agent\s+ended with code 3; not restarted/m);
    expect((await fetch(`${launcher.server().url}/health`)).status).toBe(200);
  });

  it('says on the launcher’s terminal that its token is about to expire, and what to do', async () => {
    const control = launch('expiring', ['up', '--no-agent'], NO_POSTGRES);
    const baseUrl = await control.ready();
    const { tokens } = checkedClient({ baseUrl, token: control.server().token });
    const made = await tokens.create({ name: 'local agent', role: 'agent', expires_in_seconds: 3_600 });
    await control.end();
    // A launcher renews a token in time at its start, and this one is to look as if it had run for a year.
    const kept = { ...made, expires_at: new Date(Date.now() + 86_400_000 * 365).toISOString() };
    writeFileSync(join(scratch, 'expiring', 'agent-token.json'), JSON.stringify(kept));
    const home = homeWith('scripted', JSON.stringify(scriptedModelConfig(model.url)));
    const launcher = launch('expiring', ['up', '--dir', repository], { HOME: home, ...NO_POSTGRES });
    await launcher.printed(/^agent\s+this agent's token expires at .+ UTC, and the agent stops then\. .+--role agent/m);
  });
});
