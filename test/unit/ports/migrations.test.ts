import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../../..');
const schema = join(root, 'src/adapters/neon/schema.ts');
let scratch: string;

beforeAll(() => {
  mkdirSync(join(root, 'dist'), { recursive: true });
  // Inside the project, so that a schema there can resolve its imports.
  scratch = mkdtempSync(join(root, 'dist/migrations-'));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** The SQL that `npm run migrations:generate` would add for a schema. */
function missingSql(schemaFile: string): string {
  const out = mkdtempSync(join(scratch, 'out-'));
  cpSync(join(root, 'migrations'), out, { recursive: true });
  const options = ['--dialect=postgresql', `--schema=${schemaFile}`, `--out=${relative(root, out)}`, '--name=missing'];
  execFileSync(process.execPath, [join(root, 'node_modules/drizzle-kit/bin.cjs'), 'generate', ...options], {
    cwd: root,
    stdio: 'pipe',
  });
  const written = readdirSync(out).filter((name) => name.endsWith('_missing.sql'));
  return written.map((name) => readFileSync(join(out, name), 'utf8')).join('');
}

it('the Postgres migrations create the whole schema, and a column that none creates is detected', () => {
  const changed = join(scratch, 'schema.ts');
  const source = readFileSync(schema, 'utf8').replace('error_code: text(),', 'error_code: text(), note: text(),');
  writeFileSync(changed, source.replaceAll("'../../protocol/", "'../../src/protocol/"));
  // If this statement is not alone, run npm run migrations:generate.
  expect(missingSql(changed)).toBe('ALTER TABLE "session_runs" ADD COLUMN "note" text;');
});
