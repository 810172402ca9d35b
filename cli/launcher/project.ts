import { readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { CliError, exitCode } from '../command.ts';

/** The absolute path of a file of this project. */
export function projectFile(path: string): string {
  return fileURLToPath(new URL(`../../${path}`, import.meta.url));
}

/**
 * The path of the `workerd` program for this platform.
 *
 * @throws CliError when npm did not install it
 */
export function workerdProgram(): string {
  const require = createRequire(import.meta.url);
  try {
    const program = (require('workerd') as { default: string }).default;
    statSync(program);
    return program;
  } catch {
    throw new CliError(
      `The workerd program for ${process.platform} ${process.arch} is not installed. Run "npm ci" without --omit=optional. workerd is available for Linux, macOS and Windows.`,
      exitCode.environment,
    );
  }
}

/** The compatibility settings in `wrangler.toml`. With them, workerd runs the Worker as Cloudflare does. */
export function readCompatibility(toml = readFileSync(projectFile('wrangler.toml'), 'utf8')): {
  date: string;
  flags: string[];
} {
  const date = /^compatibility_date\s*=\s*"([^"]+)"/m.exec(toml)?.[1];
  if (!date)
    throw new CliError('wrangler.toml must have a compatibility_date, such as "2026-01-01".', exitCode.environment);
  const flags = /^compatibility_flags\s*=\s*\[([^\]]*)\]/m.exec(toml)?.[1] ?? '';
  return { date, flags: [...flags.matchAll(/"([^"]+)"/g)].flatMap((match) => match[1] ?? []) };
}
