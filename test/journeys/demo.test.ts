import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { NO_POSTGRES } from '../system/support/fleet.ts';
import { Launcher } from '../system/support/launcher.ts';
import { expectNoSecretLogged } from '../system/support/logs.ts';
import { scratchDirectory } from '../system/support/rig.ts';

const scratch = scratchDirectory();
afterAll(scratch.remove);

it('the demo with --exit shows a session of a real agent, its diff and the dashboard’s URL, and exits with 0', async () => {
  const dataDirectory = join(scratch.path, 'demo');
  const demo = new Launcher({ dataDirectory, args: ['demo', '--exit'], env: NO_POSTGRES });
  expect(await demo.exited).toBe(0);
  for (const pattern of [
    /^✓ write hello\.txt$/m,
    /^● completed$/m,
    /^ {2}\+Hello from an OpenCode agent\.$/m,
    /^dashboard\s+http:\/\/127\.0\.0\.1:\d+ /m,
  ]) {
    expect(demo.output).toMatch(pattern);
  }
  expect(demo.output).not.toContain('worktrees');
  expect(demo.output, 'a link to a server that has ended').not.toContain('#code=');
  // Postgres starts last, so it may not have started when the session ends.
  expectNoSecretLogged(dataDirectory, ['worker', 'agent'], []);
});
