import { spawnSync } from 'node:child_process';
import { existsSync, openSync } from 'node:fs';
import { expect, it } from 'vitest';
import { projectFile } from '../../../cli/launcher/project.ts';

it.runIf(existsSync('/dev/full'))('a command whose output cannot be written fails and says why', () => {
  const stdio = ['ignore', openSync('/dev/full', 'w'), 'pipe'] as const;
  const { status, stderr } = spawnSync(process.execPath, [projectFile('cli/main.ts'), '--version'], {
    stdio: [...stdio],
    encoding: 'utf8',
  });
  expect(stderr).toContain('oio: The output could not be written: ENOSPC');
  expect(status).toBe(1);
});
