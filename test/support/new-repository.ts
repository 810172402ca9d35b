import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gitIn } from './git-in.ts';

type Files = readonly (readonly [path: string, content: string | Buffer])[];

/** The files of git's directory, by the files of the commit. */
const made = new Map<string, Files>();

/**
 * Creates a repository with one commit on the branch `main`. Git makes only the first one with these files, because
 * each git command is a process. The others are copies of the first.
 * @param files the contents of the commit's files, by path
 */
export function newRepository(directory: string, files: Readonly<Record<string, string>> = {}): void {
  const key = JSON.stringify(files);
  write(directory, Object.entries(files));
  const known = made.get(key);
  if (known) return write(join(directory, '.git'), known);
  gitIn(directory, 'init', '-q', '-b', 'main');
  gitIn(directory, 'add', '-A');
  gitIn(directory, 'commit', '-q', '--allow-empty', '-m', 'first');
  made.set(key, read(join(directory, '.git')));
}

function read(directory: string): Files {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return entries.map(({ parentPath, name }) => {
    const path = join(parentPath, name);
    return [path.slice(directory.length + 1), readFileSync(path)] as const;
  });
}

function write(directory: string, files: Files): void {
  mkdirSync(directory, { recursive: true });
  for (const [path, content] of files) {
    mkdirSync(join(directory, dirname(path)), { recursive: true });
    writeFileSync(join(directory, path), content);
  }
}
