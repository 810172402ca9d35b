import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { VERSION } from '../../../src/configuration/version.ts';

const versionIn = (path: string): string => (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;

test('package.json, the lock and the newest changelog entry have the version of the code', () => {
  const newest = /^## (\S+)/m.exec(readFileSync('CHANGELOG.md', 'utf8'))?.[1];
  expect([versionIn('package.json'), versionIn('package-lock.json'), newest]).toEqual([VERSION, VERSION, VERSION]);
});

test('oio --version prints the version and nothing else', () => {
  const { stdout, stderr, status } = spawnSync(process.execPath, ['cli/main.ts', '--version'], { encoding: 'utf8' });
  expect({ stdout, stderr, status }).toEqual({ stdout: `${VERSION}\n`, stderr: '', status: 0 });
});
