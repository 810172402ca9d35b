/** A new file of the work tree. */
export interface NewFile {
  path: string;
  bytes: number;
}

/** What a snapshot may hold of new files. */
export interface SnapshotLimits {
  fileBytes: number;
  totalBytes: number;
  files: number;
}

/** A file or a directory (with a slash at its end) that a snapshot leaves out. */
export interface LeftOut {
  path: string;
  bytes: number;
  files: number;
}

/**
 * Chooses what to leave out of a snapshot so that the rest stays within the limits: single large files, then the
 * directories that hold most of the bytes or files, such as a build's output that nobody ignores.
 *
 * @example
 * leaveOut([{ path: 'a.c', bytes: 10 }, { path: 'core', bytes: 5e9 }], limits); // [{ path: 'core', … }]
 */
export function leaveOut(files: readonly NewFile[], limits: SnapshotLimits): LeftOut[] {
  const large = files.filter(({ bytes }) => bytes > limits.fileBytes);
  const left: LeftOut[] = large.map(({ path, bytes }) => ({ path, bytes, files: 1 }));
  let rest = files.filter(({ bytes }) => bytes <= limits.fileBytes);
  while (rest.length > limits.files || total(rest) > limits.totalBytes) {
    const share = rest.length > limits.files ? () => 1 : ({ bytes }: NewFile) => bytes;
    const path = heaviest(rest, share);
    const inside = rest.filter((file) => isIn(file.path, path));
    left.push({ path, bytes: total(inside), files: inside.length });
    rest = rest.filter((file) => !isIn(file.path, path));
  }
  return left;
}

/** Descends from the top into the heaviest entry while it holds more than half of its directory. */
function heaviest(files: readonly NewFile[], share: (file: NewFile) => number): string {
  let directory = '';
  for (;;) {
    const entries = new Map<string, number>();
    let all = 0;
    for (const file of files) {
      if (!isIn(file.path, directory)) continue;
      const slash = file.path.indexOf('/', directory.length);
      const entry = slash < 0 ? file.path : file.path.slice(0, slash + 1);
      entries.set(entry, (entries.get(entry) ?? 0) + share(file));
      all += share(file);
    }
    const [name, weight] = [...entries].reduce((a, b) => (b[1] > a[1] ? b : a));
    if (directory !== '' && weight <= all / 2) return directory;
    if (!name.endsWith('/')) return name;
    directory = name;
  }
}

/** Whether a file is the one that was left out, or is in the directory that was. An empty place is the top. */
export function isIn(path: string, place: string): boolean {
  return place.endsWith('/') || place === '' ? path.startsWith(place) : path === place;
}

function total(files: readonly NewFile[]): number {
  return files.reduce((sum, { bytes }) => sum + bytes, 0);
}
