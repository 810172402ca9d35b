import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { followSession } from '../../cli/watch.ts';
import { createClient } from '../../src/client/client.ts';
import { descendantsOf, Launcher, lives } from './support/launcher.ts';

const scratch = mkdtempSync(join(tmpdir(), 'oio-demo-'));
const launchers: Launcher[] = [];
afterAll(async () => {
  await Promise.all(launchers.map((launcher) => launcher.end()));
  rmSync(scratch, { recursive: true, force: true });
});

function launch(name: string, args: string[]): Launcher {
  const launcher = new Launcher({ dataDirectory: join(scratch, name), args });
  launchers.push(launcher);
  return launcher;
}

describe('the demo', () => {
  it('with --exit shows a session of a real agent with its diff and the dashboard’s address, and ends with 0', async () => {
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

  it('keeps serving, has its agent again after a SIGKILL, and leaves no process behind when it stops', async () => {
    const demo = launch('serving', ['demo']);
    await demo.printed(/Press Ctrl-C/);
    const killed = demo.pidOf('agent') ?? 0;
    process.kill(killed, 'SIGKILL');
    await vi.waitFor(() => expect(demo.pidOf('agent')).not.toBe(killed), { timeout: 30_000 });

    const { url, token } = demo.server();
    const client = createClient({ baseUrl: url, token });
    const session = await client.sessions.create({ title: 'After the kill', initial_prompt: 'write again.txt: there' });
    await client.sessions.act(session.id, 'start');
    expect(await followSession(client, session.id, { onEvent: () => undefined })).toBe('completed');
    expect((await client.sessions.diff(session.id)).files.map(({ path }) => path)).toEqual(['again.txt']);

    const processes = descendantsOf(demo.process.pid);
    expect(await demo.pressCtrlC()).toBe(0);
    expect(processes.filter(lives)).toEqual([]);
  });
});
