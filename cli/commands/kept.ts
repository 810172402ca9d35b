import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { listKept, unmarkKept } from '../../runner/git/kept-worktrees.ts';
import { Repository } from '../../runner/git/repository.ts';
import { DataDirectoryInUseError, lockDataDirectory } from '../../runner/identity.ts';
import { removeTree } from '../../runner/process/remove-tree.ts';
import { ago } from '../../src/domain/relative-time.ts';
import { CliError, defineCommand, defineGroup, exitCode } from '../command.ts';
import { DataDirectory } from '../data-directory.ts';
import { givenPath } from '../given-path.ts';
import { type Column, table } from '../table.ts';
import { printable, printJson } from '../terminal.ts';
import { jsonOption, printLines } from './session/common.ts';

const WORKTREES = 'worktrees';
/** The limit of a patch, because the patch is held in memory. */
const MAX_PATCH_BYTES = 1_073_741_824;

const dataOption = {
  data: {
    type: 'string',
    placeholder: 'path',
    description: 'The directory of one agent (all agents in the data directory)',
  },
} as const;

const details =
  'Reads the directories of agents on this machine: all in the data directory (OIO_DATA_DIR), or the one in --data.';

const list = defineCommand({
  summary: 'List work that no checkpoint contains and that agents have kept on this machine',
  usage: ['agent kept list [--data <path>]'],
  details,
  options: { ...dataOption, ...jsonOption },
  async run({ values }) {
    const kept = allKept(values.data);
    if (values.json) printJson(kept);
    else if (kept.length === 0) printLines(['No work is kept on this machine.']);
    else printLines(table(kept, columns));
    return exitCode.ok;
  },
});

const columns: readonly Column<ReturnType<typeof listKept>[number]>[] = [
  { title: 'name', text: ({ name }) => name },
  { title: 'kept', text: ({ keptAt }) => ago(keptAt.toISOString(), Date.now()) },
  { title: 'path', text: ({ path }) => path },
];

const fetch = defineCommand({
  summary: 'Print kept work as a patch, for "git apply"',
  usage: ['agent kept fetch <name> [--data <path>]'],
  details,
  arguments: { name: 'required' },
  options: dataOption,
  async run({ values, args }) {
    const { path, base } = findOne(args.name, values.data);
    const worktree = await (await Repository.open(path)).openWorktree(path, base);
    const { patch, leftOut, changedSubmodules } = await worktree.changes(MAX_PATCH_BYTES);
    if (patch === null) throw new CliError(`The work is too large for a patch. It is in ${path}.`);
    process.stdout.write(patch);
    const missing = [...leftOut.map((item) => item.path), ...changedSubmodules];
    for (const name of missing) process.stderr.write(`This is not in the patch: ${printable(join(path, name))}\n`);
    return missing.length === 0 ? exitCode.ok : exitCode.failed;
  },
});

const drop = defineCommand({
  summary: 'Delete kept work for good',
  usage: ['agent kept drop <name> [--data <path>]'],
  details: `${details} The agent must not be running, because it may still use the worktree.`,
  arguments: { name: 'required' },
  options: dataOption,
  async run({ values, args }) {
    const { name, path } = findOne(args.name, values.data);
    const unlock = lock(dirname(dirname(path)));
    try {
      const repository = await Repository.open(path).catch(() => null);
      // The model may have destroyed the worktree's git files.
      if (repository) await repository.removeWorktree(path);
      else await removeTree(path);
      unmarkKept(path);
    } finally {
      unlock();
    }
    printLines([`deleted ${printable(name)}`]);
    return exitCode.ok;
  },
});

/** `oio agent kept`. */
export const kept = defineGroup('agent kept', 'Manage work that agents have kept on this machine', {
  list,
  fetch,
  drop,
});

function allKept(agentDirectory: string | undefined): ReturnType<typeof listKept> {
  const directories = agentDirectory === undefined ? agentDirectories() : [givenPath(agentDirectory)];
  return directories.flatMap((directory) => listKept(join(directory, WORKTREES)));
}

function agentDirectories(): string[] {
  const { path } = DataDirectory.fromEnvironment(process.env);
  const names = existsSync(path) ? readdirSync(path) : [];
  return names.map((name) => join(path, name)).filter((directory) => existsSync(join(directory, WORKTREES)));
}

/** Finds a kept worktree by the first characters of its name. @throws CliError unless exactly one matches */
function findOne(name: string, agentDirectory: string | undefined): ReturnType<typeof listKept>[number] {
  const [first, ...others] = allKept(agentDirectory).filter((one) => one.name.startsWith(name));
  if (first === undefined) throw new CliError(`No kept work has a name that begins with "${name}".`);
  if (others.length > 0) throw new CliError(`${others.length + 1} names begin with "${name}". Give more characters.`);
  return first;
}

function lock(directory: string): () => void {
  try {
    return lockDataDirectory(directory);
  } catch (error) {
    if (!(error instanceof DataDirectoryInUseError)) throw error;
    throw new CliError(`The agent of ${directory} is running. Stop it first.`, exitCode.environment);
  }
}
