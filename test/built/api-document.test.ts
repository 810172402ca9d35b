import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type BuiltWorker, startBuiltWorker } from './support/built-worker.ts';

let worker: BuiltWorker;
let directory: string;

beforeAll(async () => {
  worker = await startBuiltWorker();
  directory = mkdtempSync(join(tmpdir(), 'oio-api-'));
});
afterAll(async () => {
  await worker.stop();
  rmSync(directory, { recursive: true });
});

/** The lines of a document's shell blocks that call the API. */
function callsIn(file: string): string {
  const blocks = [...readFileSync(file, 'utf8').matchAll(/```sh\n([\s\S]*?)```/g)].map(([, lines]) => lines!);
  return blocks.filter((lines) => lines.includes('$OIO_URL')).join('\n');
}

it('the commands of docs/API.md create, start, read and complete a session', async () => {
  const env = { ...process.env, OIO_URL: worker.url, OIO_TOKEN: worker.token };
  const run = promisify(execFile);
  const { stdout } = await run('sh', ['-euc', callsIn('docs/API.md')], { cwd: directory, env });
  expect(stdout).toContain('"role":"admin"');
  expect(stdout).toContain('"status":"completed"');
});

it('the commands of docs/contexts.md write, read and merge contexts, and mask no secret for an operator', async () => {
  const env = { ...process.env, OIO_URL: worker.url, OIO_TOKEN: worker.token };
  const run = promisify(execFile);
  const { stdout } = await run('sh', ['-euc', callsIn('docs/contexts.md')], { cwd: directory, env });
  expect(stdout).toContain('"path":"/build/by","value":"ada"');
  expect(stdout).toContain('"data":{"build":{"status":"green"}}');
  expect(stdout).toContain('"added":[{"path":"/build/by","value":"ada"}]');
  expect(stdout).toContain('"token":"hunter2"');
});
