import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { VERSION } from '../../../src/configuration/version.ts';

const versionIn = (path: string): string => (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;

test('the version in package.json, the lock and the newest entry of the changelog is the one that the code says', () => {
  const newest = /^## (\S+)/m.exec(readFileSync('CHANGELOG.md', 'utf8'))?.[1];
  expect([versionIn('package.json'), versionIn('package-lock.json'), newest]).toEqual([VERSION, VERSION, VERSION]);
});

test('oio --version prints the version and nothing else', () => {
  const { stdout, stderr, status } = spawnSync(process.execPath, ['cli/main.ts', '--version'], { encoding: 'utf8' });
  expect({ stdout, stderr, status }).toEqual({ stdout: `${VERSION}\n`, stderr: '', status: 0 });
});
