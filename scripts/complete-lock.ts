/**
 * Makes package-lock.json work on every platform, and on every supported Node.
 *
 * Native tools ship one package per platform and list all of them as optional dependencies. If a registry, such as a
 * mirror, lacks some of them, npm silently drops those from the lock. The next `npm ci` on any machine then rejects the
 * lock: "Missing: @cloudflare/workerd-darwin-64 from lock file". This script therefore adds an entry for each missing
 * package, with its platform, so that `npm ci` installs the package on that platform and skips it elsewhere. The entry
 * has no `integrity`, because the registry did not give one. An install from a registry with the package adds it.
 *
 * npm compares each package's `engines` with the Node that runs npm, and warns about five packages on Node 20. Node 20
 * never runs these packages, because this project's scripts run on the Node 24 that it installs. This script therefore
 * removes `engines` from the lock. Packages with an install script keep it, because npm's Node runs that script.
 *
 * Run `npm run lock:fix` after every change of a dependency. It does not change a complete lock.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

interface LockEntry {
  version?: string;
  optionalDependencies?: Record<string, string>;
  cpu?: string[] | undefined;
  dev?: boolean | undefined;
  engines?: Record<string, string>;
  hasInstallScript?: boolean;
  libc?: string[] | undefined;
  optional?: boolean;
  os?: string[] | undefined;
}

export interface Lock {
  packages: Record<string, LockEntry>;
}

/** Maps words in a package's name to npm's names of platforms. */
const OS_BY_WORD: Record<string, string> = {
  ...sameName('aix', 'android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'win32'),
  fsevents: 'darwin',
  windows: 'win32',
};
const CPU_BY_WORD: Record<string, string> = {
  ...sameName('arm', 'arm64', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'wasm32', 'x64'),
  64: 'x64',
};
const LIBC_BY_WORD: Record<string, string> = { gnu: 'glibc', gnueabihf: 'glibc', musl: 'musl', musleabihf: 'musl' };

function sameName(...names: string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, name]));
}

/** Reads a package's platform from its name: `@rolldown/binding-linux-x64-gnu` → linux, x64, glibc. */
export function platformOf(packageName: string): Pick<LockEntry, 'os' | 'cpu' | 'libc'> {
  const words = packageName.split(/[^a-z0-9]+/);
  const read = (table: Record<string, string>) => words.flatMap((word) => table[word] ?? []).slice(-1);
  const platform = { os: read(OS_BY_WORD), cpu: read(CPU_BY_WORD), libc: read(LIBC_BY_WORD) };
  return Object.fromEntries(Object.entries(platform).filter(([, names]) => names.length > 0));
}

/** The lock's key for `name` as resolved from `from`. Like Node, it walks up through the parent folders. */
function resolve(packages: Lock['packages'], from: string, name: string): string | undefined {
  for (let folder = from; ; ) {
    const key = `${folder && `${folder}/`}node_modules/${name}`;
    if (packages[key]) return key;
    if (!folder) return undefined;
    const nested = folder.lastIndexOf('/node_modules/');
    folder = nested < 0 ? '' : folder.slice(0, nested);
  }
}

/** Adds the missing entries to `lock`. @returns their keys */
export function completeLock(lock: Lock): string[] {
  const { packages } = lock;
  const added: string[] = [];
  for (const [from, parent] of Object.entries(packages)) {
    for (const [name, range] of Object.entries(parent.optionalDependencies ?? {})) {
      const version = range.replace(/^[\^~]/, '');
      const found = resolve(packages, from, name);
      if (found && (range !== version || packages[found]?.version === version)) continue;
      const platform = platformOf(name);
      if (!platform.os && !platform.cpu)
        throw new Error(`${name}: its name contains no known platform; add the word to OS_BY_WORD or CPU_BY_WORD`);
      const key = packages[`node_modules/${name}`] ? `${from}/node_modules/${name}` : `node_modules/${name}`;
      const { cpu, libc, os } = platform;
      // The members are in npm's order, so that the next install does not rewrite them.
      packages[key] = { version, cpu, dev: parent.dev, libc, optional: true, os };
      added.push(key);
    }
  }
  lock.packages = Object.fromEntries(Object.entries(packages).sort(([a], [b]) => (a < b ? -1 : 1)));
  return added;
}

/** Removes `engines` from the packages that npm's own Node never runs, and returns their keys. */
export function removeEngines(lock: Lock): string[] {
  const keys = Object.entries(lock.packages)
    .filter(([key, { engines, hasInstallScript }]) => key !== '' && engines !== undefined && !hasInstallScript)
    .map(([key]) => key);
  for (const key of keys) delete lock.packages[key]?.engines;
  return keys;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const path = 'package-lock.json';
  const lock = JSON.parse(readFileSync(path, 'utf8')) as Lock;
  const added = completeLock(lock);
  const removed = removeEngines(lock);
  if (added.length + removed.length > 0) writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
  console.log(`package-lock.json: ${added.length} platform packages added, engines of ${removed.length} removed`);
  for (const key of added) console.log(`  ${key}`);
}
