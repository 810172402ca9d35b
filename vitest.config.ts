import { availableParallelism } from 'node:os';
import { cloudflareTest } from '@cloudflare/vitest-plugin';
import { defineConfig } from 'vitest/config';
import { givenNumber } from './scripts/given-number.ts';
import { writeReference } from './scripts/reference.ts';
import type { Exchange } from './test/support/contract.ts';

/** Real processes and browsers: a test may wait minutes for one. Two files at a time, since while one waits the other works. */
const REAL_PROCESSES = {
  testTimeout: 240_000,
  hookTimeout: 240_000,
  maxWorkers: 2,
  expect: { poll: { timeout: 60_000 } },
} as const;

/**
 * Tests that take milliseconds on a quiet machine. There is one worker more than cores, because the tests inside
 * workerd mostly wait. One isolate for all files is several times faster, but tests inside workerd must then give their
 * objects unique names.
 */
const ONE_PROCESS = {
  isolate: false,
  testTimeout: 120_000,
  hookTimeout: 120_000,
  maxWorkers: availableParallelism() + 1,
} as const;

// The tests inside workerd need the reference of these sources, and may run before the first build.
writeReference('dist/dashboard');

/** The variables of a deployment: two keys, as during a rotation, and one origin that browsers may call from. */
const WORKER_VARIABLES = {
  OIO_SIGNING_KEYS: `new:${'n'.repeat(32)},old:${'o'.repeat(32)}`,
  OIO_TOKEN: 'static-token-of-the-tests-0123456789',
  OIO_CORS_ORIGINS: 'https://dashboard.test',
  OIO_LOG_LEVEL: 'warn',
};

const { TEST_SEED, TEST_SEED_FACTOR } = process.env;
const seed = givenNumber('TEST_SEED', TEST_SEED, { min: 0, byDefault: 1 });
const seed_factor = givenNumber('TEST_SEED_FACTOR', TEST_SEED_FACTOR, { min: 1, byDefault: 1 });

/** Every project is the folder with its name, and gets its seeds from the run. */
const folder = (name: string) => ({
  name,
  include: [`test/${name}/**/*.test.ts`],
  setupFiles: ['test/support/seeds.ts'],
  provide: { seed, seed_factor },
});

/**
 * Compares an exchange that a test inside workerd had with the API's description. It runs in Node, because the
 * validator makes code from schemas, which workerd forbids.
 */
async function contract(request: { json(): Promise<unknown> }): Promise<Response> {
  const { violationsOf } = await import('./test/support/served-contract.ts');
  return Response.json(violationsOf((await request.json()) as Exchange));
}

const insideWorkerd = (name: string) => ({
  plugins: [
    cloudflareTest({
      wrangler: { configPath: './wrangler.toml' },
      miniflare: { bindings: WORKER_VARIABLES, serviceBindings: { CONTRACT: contract } },
    }),
  ],
  test: { ...folder(name), ...ONE_PROCESS },
});

const onSharedFleet = (name: string) => ({
  test: { ...folder(name), ...REAL_PROCESSES, globalSetup: ['test/journeys/support/shared-fleet.setup.ts'] },
});

export default defineConfig({
  test: {
    // What a test prints is shown when it fails.
    silent: 'passed-only',
    projects: [
      { test: { ...folder('unit'), ...ONE_PROCESS } },
      { test: { ...folder('simulation'), ...ONE_PROCESS } },
      insideWorkerd('workerd'),
      insideWorkerd('hibernation'),
      onSharedFleet('journeys'),
      onSharedFleet('long-journeys'),
      { test: { ...folder('built'), ...REAL_PROCESSES } },
      { test: { ...folder('system'), ...REAL_PROCESSES } },
      { test: { ...folder('drills'), ...REAL_PROCESSES } },
      { test: { ...folder('browser'), ...REAL_PROCESSES } },
      { test: { ...folder('clients'), ...REAL_PROCESSES } },
    ],
  },
});
