/** Builds the dashboard and the API's reference into dist/dashboard, and the Worker that serves it into dist/worker. */
import { existsSync, mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { writeReference } from './reference.ts';
import { run, step } from './steps.ts';

// A shell or a test may set another NODE_ENV, for which Vite would build React's development version.
process.env.NODE_ENV = 'production';

const assets = resolve('dist/dashboard');
// wrangler rejects a configuration whose assets directory does not exist.
mkdirSync(assets, { recursive: true });

const passed =
  (!existsSync('dashboard/index.html') ||
    step('build: dashboard', () => run('vite', 'build', 'dashboard', '--outDir', assets, '--emptyOutDir'))) &&
  step('build: reference', () => {
    writeReference(assets);
    return true;
  }) &&
  step('build: worker', () => run('wrangler', 'deploy', '--dry-run', '--outdir', 'dist/worker'));
process.exitCode = passed ? 0 : 1;
