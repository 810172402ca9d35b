/**
 * `npm run build:client`: builds the client as an npm package, into dist/client or the given folder. `npm pack` there
 * makes its tarball.
 */
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './steps.ts';

const [folder = 'dist/client'] = process.argv.slice(2);
const { version, license, dependencies } = JSON.parse(readFileSync('package.json', 'utf8'));

const manifest = {
  name: 'oio-client',
  version,
  description: 'A client of the OpenCode Industrial Orchestrator, for Node and browsers.',
  license,
  type: 'module',
  exports: { '.': { types: './client/index.d.ts', default: './client/index.js' } },
  sideEffects: false,
  engines: { node: '>=22' },
  // Only the types refer to it.
  dependencies: { zod: dependencies.zod },
};

rmSync(folder, { recursive: true, force: true });
const built = run('tsc', '-p', 'tsconfig.client.json', '--outDir', folder);
if (built) {
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  copyFileSync('src/client/README.md', join(folder, 'README.md'));
  copyFileSync('LICENSE', join(folder, 'LICENSE'));
}
process.exitCode = built ? 0 : 1;
