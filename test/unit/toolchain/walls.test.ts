import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** Forbidden code: its folder, its text, and the rule that must reject it. */
const REFUSED = [
  ['src/domain/a.ts', `export * from 'hono';`, 'noRestrictedImports'],
  ['src/domain/b.ts', `export * from 'node:fs';`, 'noRestrictedImports'],
  ['src/domain/c.ts', `export * from '../adapters/neon/x.ts';`, 'noRestrictedImports'],
  ['src/domain/d.ts', `export * from '../../durable-objects/kit/x.ts';`, 'noRestrictedImports'],
  ['src/domain/e.ts', `export const at = Date.now();`, 'noJsRestrictedProperties'],
  ['src/domain/f.ts', `export const dice = Math.random();`, 'noJsRestrictedProperties'],
  ['src/domain/g.ts', `export const id = crypto.randomUUID();`, 'noRestrictedGlobals'],
  ['src/domain/h.ts', `export type * from '../ports/x.ts';`, 'noRestrictedImports'],
  ['src/protocol/a.ts', `export * from '../domain/x.ts';`, 'noRestrictedImports'],
  ['src/protocol/session/a.ts', `export * from '../../domain/x.ts';`, 'noRestrictedImports'],
  ['src/protocol/b.ts', `export * from 'cloudflare:workers';`, 'noRestrictedImports'],
  ['src/configuration/a.ts', `export * from '../protocol/x.ts';`, 'noRestrictedImports'],
  ['src/configuration/b.ts', `export * from 'node:fs';`, 'noRestrictedImports'],
  ['src/configuration/c.ts', `export const token = process.env.OIO_TOKEN;`, 'noProcessEnv'],
  ['src/domain/j.ts', `export * from 'graphology';`, 'noRestrictedImports'],
  ['src/domain/graph/a.ts', `export * from 'hono';`, 'noRestrictedImports'],
  ['src/domain/graph/b.ts', `export * from '../../adapters/neon/x.ts';`, 'noRestrictedImports'],
  ['src/domain/graph/c.ts', `export const at = Date.now();`, 'noJsRestrictedProperties'],
  ['src/domain/i.ts', `export * from '../configuration/x.ts';`, 'noRestrictedImports'],
  ['src/ports/a.ts', `export * from '../domain/x.ts';`, 'noRestrictedImports'],
  ['src/ports/b.ts', `export type * from '../adapters/neon/x.ts';`, 'noRestrictedImports'],
  ['src/ports/c.ts', `export * from 'zod';`, 'noRestrictedImports'],
  ['src/application/a.ts', `export * from '../adapters/objects/x.ts';`, 'noRestrictedImports'],
  ['src/application/b.ts', `export * from '../http/x.ts';`, 'noRestrictedImports'],
  ['src/application/c.ts', `export * from 'hono';`, 'noRestrictedImports'],
  ['src/adapters/neon/a.ts', `export * from '../../http/x.ts';`, 'noRestrictedImports'],
  ['src/adapters/objects/a.ts', `export * from '../../application/x.ts';`, 'noRestrictedImports'],
  ['src/adapters/objects/b.ts', `export * from '../../../durable-objects/session/x.ts';`, 'noRestrictedImports'],
  ['src/http/e.ts', `export * from '../adapters/console-logger.ts';`, 'noRestrictedImports'],
  ['src/http/routes/a.ts', `export * from '../../adapters/neon/x.ts';`, 'noRestrictedImports'],
  ['src/http/routes/b.ts', `export * from '../../composition.ts';`, 'noRestrictedImports'],
  ['src/client/a.ts', `export * from '../http/x.ts';`, 'noRestrictedImports'],
  ['src/http/a.ts', `export * from '../../durable-objects/session/x.ts';`, 'noRestrictedImports'],
  ['src/http/b.ts', `import { env } from 'cloudflare:workers';\nexport const token = env;`, 'noRestrictedImports'],
  ['src/http/c.ts', `export const token = process.env.OIO_TOKEN;`, 'noProcessEnv'],
  ['src/http/d.ts', `export const value = (x: any) => x;`, 'noExplicitAny'],
  ['src/application/d.ts', `export const rank = (value: string) => Status.options.indexOf(value);`, 'plugin'],
  ['durable-objects/directory/a.ts', `export const rank = SessionStatus().options.indexOf('queued');`, 'plugin'],
  ['durable-objects/session/a.ts', `setTimeout(() => {}, 1);`, 'noRestrictedGlobals'],
  ['durable-objects/kit/a.ts', `setInterval(() => {}, 1);`, 'noRestrictedGlobals'],
  ['durable-objects/kit/b.ts', `export const signal = AbortSignal.timeout(1);`, 'noJsRestrictedProperties'],
  ['durable-objects/session/b.ts', `export * from '../directory/x.ts';`, 'noRestrictedImports'],
  ['durable-objects/session/log/a.ts', `export * from '../../directory/x.ts';`, 'noRestrictedImports'],
  ['durable-objects/kit/storage/a.ts', `export * from '../../session/x.ts';`, 'noRestrictedImports'],
  ['durable-objects/session/c.ts', `export * from '../../src/http/x.ts';`, 'noRestrictedImports'],
  ['runner/a.ts', `export * from '../durable-objects/kit/x.ts';`, 'noRestrictedImports'],
  ['cli/local/a.ts', `export * from '../../src/http/x.ts';`, 'noRestrictedImports'],
  [
    'test/system/a.ts',
    `import { createClient } from '../../src/client/client.ts';\nexport const c = createClient;`,
    'noRestrictedImports',
  ],
  ['dashboard/src/a.ts', `export * from '../../src/adapters/x.ts';`, 'noRestrictedImports'],
] as const;

/** Allowed code. */
const ALLOWED = [
  ['test/system/ok.ts', `import type { Client } from '../../src/client/client.ts';\nexport type C = Client;`],
  ['src/domain/ok.ts', `export * from '../protocol/x.ts';\nexport * from './y.ts';`],
  [
    'src/domain/graph/ok.ts',
    `export * from '../../protocol/x.ts';\nexport * from '../y.ts';\nexport * from 'graphology';`,
  ],
  ['src/protocol/ok.ts', `export * from 'zod';\nexport * from './x.ts';`],
  ['src/protocol/session/ok.ts', `export * from '../common/x.ts';\nexport * from '../system/x.ts';`],
  ['src/ports/ok.ts', `export * from '../protocol/x.ts';\nexport * from './x.ts';`],
  [
    'src/application/ok.ts',
    `export * from '../ports/x.ts';\nexport * from '../domain/x.ts';\nexport * from 'hono/jwt';`,
  ],
  ['src/adapters/neon/ok.ts', `export * from '../../ports/x.ts';\nexport * from 'drizzle-orm/neon-http';`],
  [
    'src/http/routes/ok.ts',
    `export * from '../../application/x.ts';\nexport * from '../context.ts';\nexport * from 'hono';`,
  ],
  ['src/configuration/ok.ts', `export * from './x.ts';`],
  ['src/http/ok.ts', `export * from '../configuration/x.ts';`],
  ['cli/launcher/ok.ts', `export * from '../../src/configuration/x.ts';`],
  ['src/client/options.ts', `export const words = (words: readonly string[]) => words.indexOf('queued');`],
  ['src/client/ok.ts', `export * from '../protocol/x.ts';\nexport * from '../domain/x.ts';`],
  [
    'durable-objects/session/log/ok.ts',
    `export * from '../../kit/x.ts';\nexport * from '../../../src/domain/session/x.ts';`,
  ],
  ['src/worker.ts', `export * from '../durable-objects/session/x.ts';`],
  ['durable-objects/session/ok.ts', `export * from '../kit/x.ts';\nexport * from '../../src/domain/x.ts';`],
  ['durable-objects/kit/delivery/outbound.ts', `setTimeout(() => {}, 1);`],
  ['runner/ok.ts', `export * from '../src/protocol/x.ts';\nexport * from 'node:fs';`],
] as const;

interface LintReport {
  diagnostics: { category: string; severity: string; location: { path: string } }[];
}

/** Lints `files` in `folder` with the project's configuration. @returns `path rule` for each error */
function lint(
  folder: string,
  files: readonly (readonly [path: string, source: string, ...rest: string[]])[],
): string[] {
  cpSync('biome.json', join(folder, 'biome.json'));
  cpSync('scripts/lint', join(folder, 'scripts/lint'), { recursive: true });
  for (const [path, source] of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), `${source}\n`);
  }
  const biome = createRequire(import.meta.url).resolve('@biomejs/biome/bin/biome');
  const args = [biome, 'lint', '--reporter=json', '--max-diagnostics=none', '--vcs-enabled=false'];
  const { stdout } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });
  const report = JSON.parse(stdout) as LintReport;
  return report.diagnostics
    .filter(({ severity }) => severity === 'error')
    .map(({ category, location }) => `${location.path} ${category.split('/').at(-1)}`);
}

describe('walls between the layers', () => {
  let folder: string;
  let errors: string[];

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'oio-walls-'));
    errors = lint(folder, [...REFUSED, ...ALLOWED]);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each(REFUSED)('%s refuses %s', (path, _source, rule) => {
    expect(errors).toContain(`${path} ${rule}`);
  });

  it.each(ALLOWED)('%s allows %s', (path) => {
    expect(errors.filter((error) => error.startsWith(`${path} `))).toEqual([]);
  });
});
