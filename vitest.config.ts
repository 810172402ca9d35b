import { mkdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { cloudflareTest } from '@cloudflare/vitest-plugin';
import { defineConfig } from 'vitest/config';

/** Real processes and browsers: a test may wait minutes for one. Two files at a time, since while one waits the other works. */
const REAL_PROCESSES = { testTimeout: 240_000, hookTimeout: 240_000, maxWorkers: 2 } as const;

/**
 * Everything else takes milliseconds, unless the machine has better things to do. One worker more than cores, since the
 * tests inside workerd mostly wait for it.
 */
const BUSY_MACHINE = { testTimeout: 30_000, hookTimeout: 60_000, maxWorkers: availableParallelism() + 1 } as const;

// wrangler refuses a configuration whose assets directory does not exist, and nothing may be built yet.
mkdirSync('dist/dashboard', { recursive: true });

/** What a deployment would set: two keys, as in the middle of a rotation, and one origin that browsers may call from. */
const WORKER_VARIABLES = {
  OIO_SIGNING_KEYS: `new:${'n'.repeat(32)},old:${'o'.repeat(32)}`,
  OIO_TOKEN: 'static-token-of-the-tests-0123456789',
  OIO_CORS_ORIGINS: 'https://dashboard.test',
  OIO_LOG_LEVEL: 'warn',
};

export default defineConfig({
  test: {
    passWithNoTests: true,
    // What a test prints is shown when it fails.
    silent: 'passed-only',
    projects: [
      { test: { name: 'unit', include: ['test/{unit,simulation}/**/*.test.ts'], isolate: false, ...BUSY_MACHINE } },
      {
        plugins: [
          cloudflareTest({ wrangler: { configPath: './wrangler.toml' }, miniflare: { bindings: WORKER_VARIABLES } }),
        ],
        // One isolate for all files is six times faster; its price is that tests must name their objects uniquely.
        test: {
          name: 'workerd',
          include: ['test/{workerd,hibernation}/**/*.test.ts'],
          isolate: false,
          ...BUSY_MACHINE,
        },
      },
      { test: { name: 'system', include: ['test/{system,drills}/**/*.test.ts'], ...REAL_PROCESSES } },
      { test: { name: 'browser', include: ['test/browser/**/*.test.ts'], ...REAL_PROCESSES } },
    ],
  },
});
