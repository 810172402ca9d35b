import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { CreatedToken } from '../../../src/protocol/workspace/token.ts';

/**
 * Expects JSON lines in the logs of the launcher's processes, and in no log below the data directory, OpenCode's own
 * included, a secret: neither what the directory's files keep secret nor the given ones. Call it when the launcher has
 * ended: an agent at work makes and removes folders while they are listed.
 *
 * @param processes those that have started: each has a log
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
