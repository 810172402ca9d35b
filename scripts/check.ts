/** Checks formatting, lint (including the walls between the layers) and the types of all projects. */
import { run, step } from './steps.ts';

const passed =
  step('types of the bindings', () => run('wrangler', 'types', '--include-runtime=false')) &&
  step('format and lint', () => run('biome', 'ci', `--colors=${process.stdout.isTTY ? 'force' : 'off'}`)) &&
  ['worker', 'node', 'dashboard'].every((project) =>
    // What has not changed since the last check is not checked again.
    step(`types: ${project}`, () =>
      run(
        'tsc',
        '--project',
        `tsconfig.${project}.json`,
        '--incremental',
        '--tsBuildInfoFile',
        `dist/types/${project}`,
      ),
    ),
  );
process.exitCode = passed ? 0 : 1;
