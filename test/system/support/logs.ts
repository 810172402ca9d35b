import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { CreatedToken } from '../../../src/protocol/workspace/token.ts';

/**
 * Expects that the logs of the launcher's processes are JSON lines, and that no log below the data directory, including
 * OpenCode's own, contains a secret: neither those of the directory's files nor the given ones. Call it when the
 * launcher has ended, because a working agent creates and removes folders while they are listed.
 *
 * @param processes the processes that have started, each with a log
 */
export function expectNoSecretLogged(dataDirectory: string, processes: string[], secrets: string[]): void {
  const file = (path: string) => readFileSync(join(dataDirectory, path), 'utf8').trim();
  const agentToken = (JSON.parse(file('agent-token.json')) as CreatedToken).token;
  const all = [file('admin-token'), file('signing-keys').replace(/^\w+:/, ''), agentToken, ...secrets];
  for (const secret of all) expect(secret).toMatch(/^.{32,}$/);
  const logs = readdirSync(dataDirectory, { recursive: true, encoding: 'utf8' }).filter((path) =>
    /\.log(\.1)?$/.test(path),
  );
  expect(logs).toEqual(expect.arrayContaining(processes.map((name) => `logs/${name}.log`)));
  for (const log of logs) {
    const text = file(log);
    for (const secret of all) expect(text.includes(secret), `${log} has ${secret}`).toBe(false);
    const lines = log.startsWith('logs') ? text.split('\n').filter(Boolean) : [];
    for (const line of lines) expect(() => JSON.parse(line), line).not.toThrow();
  }
}
