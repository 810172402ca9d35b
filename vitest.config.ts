import { mkdirSync } from 'node:fs';
import { cloudflareTest } from '@cloudflare/vitest-plugin';
import { defineConfig } from 'vitest/config';

/** Real processes and browsers: a test may wait minutes for one, and two at once would fight for the same cores. */
const REAL_PROCESSES = { testTimeout: 180_000, hookTimeout: 180_000, fileParallelism: false } as const;

// wrangler refuses a configuration whose assets directory does not exist, and nothing may be built yet.
mkdirSync('dist/dashboard', { recursive: true });

export default defineConfig({
  test: {
    passWithNoTests: true,
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'] } },
      {
        plugins: [cloudflareTest({ wrangler: { configPath: './wrangler.toml' } })],
        // One isolate for all files is six times faster; its price is that tests must name their objects uniquely.
        test: { name: 'workerd', include: ['test/workerd/**/*.test.ts'], isolate: false },
      },
      { test: { name: 'system', include: ['test/system/**/*.test.ts'], ...REAL_PROCESSES } },
      { test: { name: 'browser', include: ['test/browser/**/*.test.ts'], ...REAL_PROCESSES } },
    ],
  },
});
