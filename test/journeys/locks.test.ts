import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { exitCode } from '../../cli/command.ts';
import type { LockView } from '../../src/protocol/lock/lock.ts';
import { eventually } from '../support/eventually.ts';
import { Launcher } from '../system/support/launcher.ts';
import { sharedFleet } from './support/shared-fleet.ts';

const fleet = sharedFleet();

function start(...args: string[]): Launcher {
  return new Launcher({ dataDirectory: fleet.address.dataDirectory, args: ['lock', ...args] });
}

/** A command that runs until its file exists. */
function untilFile(name: string) {
  const file = join(fleet.path, name);
  return { script: `until test -e ${file}; do sleep 0.05; done`, end: () => writeFileSync(file, '') };
}

async function waiting(resource: string, count: number): Promise<void> {
  await eventually(async () => expect((await fleet.client.locks.get(resource)).waiters).toHaveLength(count));
}

it('oio lock run gives the command a fencing token and its exit code, and releases the lock', async () => {
  const command = start('run', 'journey:one', '--', 'sh', '-c', 'echo token=$OIO_LOCK_TOKEN; exit 7');
  expect(await command.exited).toBe(7);
  expect(command.output).toMatch(/^token=[1-9]\d*\n$/);
  const shown = start('show', 'journey:one', '--json');
  expect(await shown.exited).toBe(0);
  expect(JSON.parse(shown.output) as LockView).toEqual({ resource: 'journey:one', holder: null, waiters: [] });
});

it('oio lock run lets one command at a time run, in the order of arrival, and a killed waiter is passed over', async () => {
  const [first, gone, last] = ['first', 'gone', 'last'].map((name) => ({ name, ...untilFile(`lock-${name}`) }));
  const run = ({ name, script }: { name: string; script: string }) =>
    start('run', 'journey:order', '--owner', name, '--', 'sh', '-c', `echo ${name} begins; ${script}`);
  const holder = run(first!);
  await holder.printed(/first begins/);
  const dead = run(gone!);
  await dead.printed(/Waiting for journey:order, which first#\S+ holds\.$/m);
  await waiting('journey:order', 1);
  const waiter = run(last!);
  await waiting('journey:order', 2);
  const shown = start('show', 'journey:order');
  await shown.exited;
  expect(shown.output).toMatch(/^journey:order {2}held by first#.+\n {2}waits: gone#.+\n {2}waits: last#.+\n$/);

  dead.process.kill('SIGKILL');
  first!.end();
  expect(await holder.exited).toBe(0);
  await waiter.printed(/last begins/);
  expect(dead.output).not.toContain('gone begins');
  last!.end();
  expect(await waiter.exited).toBe(0);
});

it('oio lock run without a wait says who holds the lock, and does not run the command', async () => {
  const { script, end } = untilFile('lock-held');
  const holder = start('run', 'journey:held', '--owner', 'somebody', '--', 'sh', '-c', `echo begins; ${script}`);
  await holder.printed(/begins/);
  const refused = start('run', 'journey:held', '--wait', '0s', '--', 'echo', 'ran');
  expect(await refused.exited).toBe(exitCode.failed);
  expect(refused.output).toMatch(/^oio: somebody#\S+ holds journey:held until /);
  end();
  expect(await holder.exited).toBe(0);
});

// The output of a command ends when the last process that has it as its standard output has ended.
it('oio lock run ends the command with its children when the lock is lost', async () => {
  const command = start('run', 'journey:lost', '--ttl', '15s', '--', 'sh', '-c', 'sleep 1000 & echo begins; wait');
  await command.printed(/begins/);
  const { holder } = await fleet.client.locks.get('journey:lost');
  await fleet.client.locks.release('journey:lost', { fencing_token: holder!.fencing_token });
  expect(await command.exited).toBe(exitCode.failed);
  expect(command.output).toMatch(
    /^oio: The lock journey:lost was lost .+ The command was ended\. Somebody has released it/m,
  );
});

it.each(['SIGKILL', 'SIGINT'] as const)('a command under a lock ends with oio lock run, by %s', async (signal) => {
  const command = start('run', `journey:${signal}`, '--', 'sh', '-c', 'sleep 1000 & echo begins; wait');
  await command.printed(/begins/);
  command.process.kill(signal);
  await command.exited;
});

it('oio lock run says what is wrong with its arguments', async () => {
  const cases = [
    [['run', 'journey:none'], /^oio: The command is missing\./],
    [['run', 'journey:none', '--ttl', '5s', '--', 'true'], /^oio: --ttl must be from 15s to 1h, not "5s"\.$/m],
  ] as const;
  for (const [args, error] of cases) {
    const command = start(...args);
    expect([await command.exited, command.output]).toEqual([exitCode.usage, expect.stringMatching(error)]);
  }
  const missing = start('run', 'journey:none', '--', '/no/such/command');
  expect([await missing.exited, missing.output]).toEqual([127, expect.stringContaining('/no/such/command')]);
});
