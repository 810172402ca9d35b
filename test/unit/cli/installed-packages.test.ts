import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { outdatedPackages } from '../../../cli/launcher/installed-packages.ts';
import { projectFile } from '../../../cli/launcher/project.ts';

function project(installed?: object): string {
  const directory = mkdtempSync(join(tmpdir(), 'oio-packages-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const packages = {
    '': { version: '0.1.0' },
    'node_modules/zod': { version: '4.4.0' },
    'node_modules/a/node_modules/@scope/b': { version: '2.0.0' },
    'node_modules/of-another-platform': { version: '1.0.0', optional: true },
  };
  writeFileSync(join(directory, 'package-lock.json'), JSON.stringify({ packages }));
  if (!installed) return directory;
  mkdirSync(join(directory, 'node_modules'));
  writeFileSync(join(directory, 'node_modules/.package-lock.json'), JSON.stringify({ packages: installed }));
  return directory;
}

it('names the packages that are missing or have another version, and no optional one of another platform', () => {
  const all = {
    'node_modules/zod': { version: '4.4.0' },
    'node_modules/a/node_modules/@scope/b': { version: '2.0.0' },
  };
  expect(outdatedPackages(project(all))).toEqual([]);
  expect(outdatedPackages(project({ 'node_modules/zod': { version: '4.3.0' } }))).toEqual(['zod', '@scope/b']);
  const optional = { ...all, 'node_modules/of-another-platform': { version: '0.9.0' } };
  expect(outdatedPackages(project(optional))).toEqual(['of-another-platform']);
});

it('says nothing without the list of npm, and finds the packages of this project', () => {
  expect(outdatedPackages(project())).toEqual([]);
  expect(outdatedPackages(projectFile('.'))).toEqual([]);
});
