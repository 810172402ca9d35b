import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { buildIfStale, built } from '../../cli/launcher/build.ts';

const MAX_GZIPPED_BYTES = 200_000;

it('builds a Worker of at most 200 kB, compressed as it is uploaded', async () => {
  await buildIfStale(() => undefined);
  const bytes = gzipSync(readFileSync(built.worker)).length;
  // What makes it large: npx wrangler deploy --dry-run --minify --metafile
  expect(bytes).toBeLessThanOrEqual(MAX_GZIPPED_BYTES);
});
