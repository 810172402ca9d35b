#!/usr/bin/env node
import { enableCompileCache, flushCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';
import { VERSION } from '../src/configuration/version.ts';
import { CliError, type Command, exitCode, oio, unknown } from './command.ts';
import { definitions } from './help.ts';
import { adviceOnPackages } from './launcher/installed-packages.ts';

// Caches modules with their types stripped. That halves the time of later starts.
enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/node', import.meta.url)));

const commands: Readonly<Record<string, () => Promise<Command>>> = {
  up: async () => (await import('./commands/up.ts')).up,
  demo: async () => (await import('./commands/demo.ts')).demo,
  agent: async () => (await import('./commands/agent.ts')).agent,
  run: async () => (await import('./commands/run.ts')).run,
  session: async () => (await import('./commands/session/session.ts')).session,
  task: async () => (await import('./commands/task/task.ts')).task,
  context: async () => (await import('./commands/context/context.ts')).context,
  approve: async () => (await import('./commands/approvals.ts')).approve,
  reject: async () => (await import('./commands/approvals.ts')).reject,
  answer: async () => (await import('./commands/approvals.ts')).answer,
  open: async () => (await import('./commands/open.ts')).open,
  lock: async () => (await import('./commands/lock.ts')).lock,
  token: async () => (await import('./commands/token.ts')).token,
};

async function overview(): Promise<string> {
  const summaries = await Promise.all(
    Object.entries(commands).map(async ([name, load]) => [name, (await load()).summary] as const),
  );
  const codes = Object.entries(exitCode).map(([name, code]) => `${code} ${name}`);
  return [
    'oio: the OpenCode Industrial Orchestrator',
    '',
    `  ${oio} <command> [options]`,
    '',
    ...definitions(summaries),
    '',
    `"${oio} help <command>" shows a command's options; --version prints the version.`,
    '"npm start" runs up, "npm run demo" runs demo.',
    `Exit codes: ${codes.join(', ')}.`,
  ].join('\n');
}

async function main([name, ...args]: string[]): Promise<number> {
  if (name === 'help' && args.length > 0) return main([...args, '--help']);
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    process.stdout.write(`${await overview()}\n`);
    return name === undefined ? exitCode.usage : exitCode.ok;
  }
  if (name === 'version' || name === '--version' || name === '-v') {
    process.stdout.write(`${VERSION}\n`);
    return exitCode.ok;
  }
  const load = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!load) throw unknown('command', name, Object.keys(commands));
  const command = await load();
  // Flushed now, because the command may run for a long time and be killed.
  flushCompileCache();
  return command.run(args);
}

// If the reader of the output, such as a pager, closes the pipe, the command continues.
process.stdout.on('error', () => undefined);

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (thrown) {
  const error = withoutPackage(thrown) ?? (await import('./connection.ts')).explainApiError(thrown) ?? thrown;
  const text = error instanceof CliError ? error.message : error instanceof Error ? error.stack : error;
  process.stderr.write(`oio: ${text}\n`);
  process.exitCode = error instanceof CliError ? error.code : exitCode.failed;
}
// Exits after standard output is flushed. Without `exit`, a socket that closes slowly would keep the finished command
// running.
process.stdout.write('', (error?: NodeJS.ErrnoException | null) => {
  if (error && error.code !== 'EPIPE') {
    process.stderr.write(`oio: The output could not be written: ${error.message}\n`);
    process.exitCode = exitCode.failed;
  }
  process.exit();
});

/** The error of a start for which packages are missing, such as after a pull; null for another error. */
function withoutPackage(error: unknown): CliError | null {
  if (!(error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND')) return null;
  const advice = adviceOnPackages(fileURLToPath(new URL('..', import.meta.url)));
  return advice === '' ? null : new CliError(advice, exitCode.environment);
}
