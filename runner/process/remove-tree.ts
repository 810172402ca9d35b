import { chmod, lstat, readdir, rm } from 'node:fs/promises';

/**
 * Removes a file, or a directory with all that is in it, if it exists. Also removes read-only directories, such as those
 * of Go's module cache. Tools write such trees, so use this for every tree in which a tool may have worked.
 */
export async function removeTree(path: string | Buffer): Promise<void> {
  await rm(path, { recursive: true, force: true }).catch(async () => {
    await makeWritable(path);
    await rm(path, { recursive: true, force: true });
  });
}

async function makeWritable(directory: string | Buffer): Promise<void> {
  if (!(await lstat(directory)).isDirectory()) return;
  await chmod(directory, 0o700);
  // A name need not be UTF-8.
  const inside = await readdir(directory, { withFileTypes: true, encoding: 'buffer' });
  for (const { name } of inside.filter((found) => found.isDirectory())) {
    await makeWritable(Buffer.concat([Buffer.from(directory), SLASH, name]));
  }
}

const SLASH = Buffer.from('/');
