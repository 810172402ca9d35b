import { execFile } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildIfStale } from '../../cli/launcher/build.ts';
import { type BuiltWorker, startBuiltWorker } from '../built/support/built-worker.ts';

/** The generators are in a package of their own, because few people need their 150 MB. */
const FOLDER = import.meta.dirname;

/** A program for each generator, and the command that makes its client. */
const GENERATORS = {
  'openapi-fetch': ['openapi-typescript', 'openapi.json', '-o', 'generated/openapi-typescript/schema.ts'],
  'hey-api': ['openapi-ts', '-i', 'openapi.json', '-o', 'generated/hey-api'],
  'swagger-typescript-api': [
    'swagger-typescript-api',
    'generate',
    ...['-p', 'openapi.json', '-o', 'generated/swagger-typescript-api', '-n', 'api.ts'],
  ],
} as const;

let worker: BuiltWorker;

async function inFolder(command: string, ...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(command, args, { cwd: FOLDER, maxBuffer: 16_777_216 });
  return stdout;
}

beforeAll(async () => {
  await inFolder('npm', 'ci', '--ignore-scripts', '--no-audit', '--no-fund');
  await buildIfStale(() => undefined);
  worker = await startBuiltWorker();
  rmSync(`${FOLDER}/generated`, { recursive: true, force: true });
  mkdirSync(`${FOLDER}/generated`);
  const served = await fetch(`${worker.url}/openapi.json`);
  writeFileSync(`${FOLDER}/openapi.json`, await served.text());
  for (const [command, ...args] of Object.values(GENERATORS)) await inFolder(`node_modules/.bin/${command}`, ...args);
});
afterAll(() => worker.stop());

it('clients of three generators compile under strict TypeScript, with programs that use them', async () => {
  const output = await inFolder('node_modules/.bin/tsc', '-p', '.').catch((error: { stdout: string }) => error.stdout);
  expect(output).toBe('');
});

it.each(Object.keys(GENERATORS))('a client of %s creates, starts, lists and reads a session', async (name) => {
  const { run } = await import(`./programs/${name}.ts`);
  const { id, status, listed, reasons } = await run(worker.url, worker.token);
  expect(status).toBe('queued');
  expect(listed).toContain(id);
  // The log is typed: the status events gave their reasons.
  expect(reasons[0]).toBe('session.created');
  expect(reasons).not.toContain('session.status');
});
