import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeAll, expect, it } from 'vitest';
import { buildIfStale, built } from '../../cli/launcher/build.ts';

const KIB = 1_024;
/** As wrangler prints it. See docs/adr/0014-the-workers-size-is-bounded-and-its-drivers-stay.md. */
const MAX_WORKER_BYTES = 352 * KIB;
const MAX_FIRST_SCRIPT_BYTES = 120_000;

const gzippedBytes = (path: string): number => gzipSync(readFileSync(path)).length;

beforeAll(() => buildIfStale(() => undefined));

it('the built Worker has at most 352 KiB compressed', () => {
  // To see what makes it large, run: npx wrangler deploy --dry-run --minify --metafile
  expect(gzippedBytes(built.worker)).toBeLessThanOrEqual(MAX_WORKER_BYTES);
});

it('the dashboard’s first script has at most 120 kB compressed, with everything that it loads at once', () => {
  const index = readFileSync(join(built.dashboard, 'index.html'), 'utf8');
  const scripts = [...index.matchAll(/(?:src|href)="\/(assets\/[^"]+\.js)"/g)].map((match) => match[1]!);
  expect(scripts.length).toBeGreaterThan(0);
  // To see what makes it large, run: npx vite build dashboard --sourcemap
  const bytes = scripts.map((script) => gzippedBytes(join(built.dashboard, script)));
  expect(bytes.reduce((sum, one) => sum + one, 0)).toBeLessThanOrEqual(MAX_FIRST_SCRIPT_BYTES);
});

it('the dashboard loads a page’s scripts only when the page is opened', () => {
  const index = readFileSync(join(built.dashboard, 'index.html'), 'utf8');
  expect(index).not.toMatch(/sessions?-page/);
});
