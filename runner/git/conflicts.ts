import type { ConflictKind } from '../../src/protocol/common/enums.ts';
import { MAX_CONFLICT_FILES } from '../../src/protocol/common/limits.ts';
import { type BytePath, pathText, splitNul } from './byte-path.ts';
import type { Plumbing } from './plumbing.ts';

/** A file that two sides have changed so that git cannot join them. */
export interface ConflictFile {
  path: BytePath;
  kind: ConflictKind;
  /** Git's words. */
  message: string;
  /** What the first side has there: the lines that conflict, or the beginning. Null if it has no such file, or not as text. */
  ours: string | null;
  /** The same of the second side. */
  theirs: string | null;
}

/** What `git merge-tree -z` prints of a merge with conflicts. */
export interface ConflictListing {
  /** With markers in the files whose lines conflict. */
  tree: string;
  stages: readonly Stage[];
  messages: readonly { paths: BytePath[]; type: string; text: string }[];
}

/** What one side has at a path. `stage`: 1 for the common base, 2 for the first side, 3 for the second one. */
export interface Stage {
  /** Where the merged tree has it: a name of git's own, such as `config~label`, if both sides cannot be at one path. */
  path: BytePath;
  /** Where the side has it. */
  origin: BytePath;
  mode: string;
  id: string;
  stage: 1 | 2 | 3;
}

const MAX_EXCERPT_CHARS = 2_000;
const MAX_MESSAGE_CHARS = 500;
/** The beginning of a longer file is not read for an excerpt. */
const MAX_READ_BYTES = 1_048_576;
const MAX_LISTING_BYTES = 64 * 1_048_576;
const [LINK, SUBMODULE] = ['120000', '160000'];
const NULL_BYTE = 0;

/** Parses the output of `git merge-tree -z`. Returns null for a merge without conflicts, which has only a tree. */
export function parseMerge(output: Buffer): { tree: string; listing: ConflictListing | null } {
  const words = splitNul(output);
  const tree = words.shift() as string;
  if (words.length === 0) return { tree, listing: null };
  const end = words.indexOf('' as BytePath);
  const messages: ConflictListing['messages'][number][] = [];
  for (let at = end + 1; at < words.length; ) {
    const count = Number(words[at]);
    const paths = words.slice(at + 1, at + 1 + count);
    const [type = '', text = ''] = words.slice(at + 1 + count, at + 3 + count);
    messages.push({ paths, type, text: Buffer.from(text, 'latin1').toString('utf8').trim() });
    at += count + 3;
  }
  const origins = originsOf(messages);
  const stages = words.slice(0, end).map((word): Stage => {
    const [mode = '', id = '', stage] = word.slice(0, word.indexOf('\t')).split(' ');
    const path = word.slice(word.indexOf('\t') + 1) as BytePath;
    return { path, origin: origins.get(path) ?? path, mode, id, stage: Number(stage) as 1 | 2 | 3 };
  });
  return { tree, listing: { tree, stages, messages } };
}

/** The paths of sides that git has moved to names of its own: these are longer than the path that they begin with. */
function originsOf(messages: ConflictListing['messages']): Map<BytePath, BytePath> {
  const origins = new Map<BytePath, BytePath>();
  for (const { paths, type } of messages) {
    if (!type.includes('file/directory') && !type.includes('distinct')) continue;
    const [origin, ...moved] = [...paths].sort((one, other) => one.length - other.length);
    for (const path of moved) if (path.startsWith(`${origin}~`)) origins.set(path, origin!);
  }
  return origins;
}

/** Parses the output of `git merge-tree --stdin -z`. Returns the trees, or null if a merge has conflicts. */
export function parseClean(output: Buffer): string[] | null {
  // Each merge is `1`, the tree and an empty word.
  const words = splitNul(output);
  const trees: string[] = [];
  for (let at = 0; at < words.length; at += 3) {
    if (words[at] !== '1' || words[at + 2] !== '') return null;
    trees.push(words[at + 1] as string);
  }
  return trees;
}

/** The first files in conflict, in the order of their paths, and how many there are. */
export async function conflictFiles(
  plumbing: Plumbing,
  listing: ConflictListing,
  labels: readonly [string, string],
): Promise<{ files: ConflictFile[]; total: number }> {
  const found = new Map<BytePath, { stages: Stage[]; texts: string[]; types: string[] }>();
  const at = (path: BytePath) => {
    const one = found.get(path) ?? { stages: [], texts: [], types: [] };
    found.set(path, one);
    return one;
  };
  const origins = new Map(listing.stages.map(({ path, origin }) => [path, origin]));
  for (const stage of listing.stages) at(stage.origin).stages.push(stage);
  for (const { paths, type, text } of listing.messages) {
    // Other words only tell what git has looked at.
    if (!type.startsWith('CONFLICT') && !/submodule/i.test(type)) continue;
    const named = [...new Set(paths.map((path) => origins.get(path) ?? path))];
    const known = named.filter((path) => found.has(path));
    for (const path of known.length > 0 ? known : named.slice(0, 1)) {
      at(path).texts.push(text);
      at(path).types.push(type);
    }
  }
  const sorted = [...found].sort(([a], [b]) => (a < b ? -1 : 1)).slice(0, MAX_CONFLICT_FILES);
  const contents = await readContents(
    plumbing,
    listing.tree,
    sorted.map(([path, { stages }]) => ({ path, stages })),
  );
  const files = sorted.map(([path, { stages, texts, types }]): ConflictFile => {
    const sides = [stageOf(stages, 2), stageOf(stages, 3)] as const;
    const isBinary = sides.some((side) => side !== null && contents.of(side)?.includes(NULL_BYTE));
    const kind = kindOf(stages, types, isBinary);
    const marked = kind === 'content' || kind === 'add_add' ? contents.merged(path) : null;
    const lines = marked === null ? null : conflictingLines(marked, labels);
    return {
      path,
      kind,
      message: texts.join(' ').slice(0, MAX_MESSAGE_CHARS) || `Both sides have changed ${pathText(path)}.`,
      ours: lines === null ? beginning(contents.of(sides[0])) : lines[0],
      theirs: lines === null ? beginning(contents.of(sides[1])) : lines[1],
    };
  });
  return { files, total: found.size };
}

function stageOf(stages: readonly Stage[], wanted: number): Stage | null {
  return stages.find(({ stage }) => stage === wanted) ?? null;
}

function kindOf(stages: readonly Stage[], types: readonly string[], isBinary: boolean): ConflictKind {
  const has = (part: string) => types.some((type) => type.includes(part));
  if (stages.some(({ mode }) => mode === SUBMODULE) || has('submodule')) return 'submodule';
  if (has('rename')) return 'rename';
  if (has('file/directory')) return 'file_directory';
  if (has('distinct')) return 'mode';
  const [base, first, second] = [1, 2, 3].map((stage) => stageOf(stages, stage));
  if (has('modify/delete') || !first || !second) return 'modify_delete';
  if (isBinary || has('binary') || first.mode === LINK || second.mode === LINK) return 'binary';
  return base ? 'content' : 'add_add';
}

/** Reads the sides' files, and the merged ones. Longer and missing ones are null. */
async function readContents(
  { run }: Plumbing,
  tree: string,
  files: readonly { path: BytePath; stages: readonly Stage[] }[],
): Promise<{ of(side: Stage | null): Buffer | null; merged(path: BytePath): Buffer | null }> {
  const wanted = new Set(files.map(({ path }) => path));
  const listed = splitNul(await run(['ls-tree', '-r', '-z', tree], { maxBytes: MAX_LISTING_BYTES }));
  const merged = new Map<BytePath, string>();
  for (const entry of listed) {
    const path = entry.slice(entry.indexOf('\t') + 1) as BytePath;
    if (wanted.has(path)) merged.set(path, entry.split(/[ \t]/, 3)[2] as string);
  }
  const sides = files.flatMap(({ stages }) => stages.filter(({ stage, mode }) => stage > 1 && mode !== SUBMODULE));
  const ids = [...new Set([...sides.map(({ id }) => id), ...merged.values()])];
  const blobs = await readBlobs(run, ids);
  const blob = (id: string | undefined) => (id === undefined ? null : (blobs.get(id) ?? null));
  return { of: (side) => blob(side?.id), merged: (path) => blob(merged.get(path)) };
}

async function readBlobs(run: Plumbing['run'], ids: readonly string[]): Promise<Map<string, Buffer>> {
  const lines = (list: readonly string[]) => Buffer.from(list.map((id) => `${id}\n`).join(''));
  const answers = (await run(['cat-file', '--batch-check'], { input: lines(ids) })).toString('latin1').split('\n');
  const small = ids.filter((_, i) => {
    const [, type, size] = (answers[i] ?? '').split(' ');
    return type === 'blob' && Number(size) <= MAX_READ_BYTES;
  });
  const maxBytes = small.length * (MAX_READ_BYTES + 100) + 100;
  const output = await run(['cat-file', '--batch'], { input: lines(small), maxBytes });
  const blobs = new Map<string, Buffer>();
  for (let at = 0; at < output.byteLength; ) {
    // `<id> blob <size>`, a line feed, the content and a line feed.
    const end = output.indexOf('\n', at);
    const [id = '', , size] = output.subarray(at, end).toString('latin1').split(' ');
    blobs.set(id, output.subarray(end + 1, end + 1 + Number(size)));
    at = end + 2 + Number(size);
  }
  return blobs;
}

function beginning(content: Buffer | null): string | null {
  if (content === null || content.includes(NULL_BYTE)) return null;
  return content.subarray(0, MAX_EXCERPT_CHARS).toString('utf8');
}

/** The lines of each side between git's markers, which end in the side's label. Null if there are no markers. */
function conflictingLines(content: Buffer, labels: readonly [string, string]): [string, string] | null {
  const sides: [string[], string[]] = [[], []];
  let into: 0 | 1 | null = null;
  let found = 0;
  for (const line of content.toString('utf8').split('\n')) {
    if (isMarker(line, '<', labels[0])) [into, found] = [0, found + 1];
    else if (into !== null && isMarker(line, '>', labels[1])) into = null;
    else if (into === 0 && /^\|{7,}( |$)/.test(line)) into = null;
    else if (found > 0 && /^={7,}$/.test(line) && into !== 1) into = 1;
    else if (into !== null) sides[into].push(line);
  }
  if (found === 0) return null;
  return [0, 1].map((side) => (sides[side] as string[]).join('\n').slice(0, MAX_EXCERPT_CHARS)) as [string, string];
}

/** Whether a line is a conflict marker of git: at least seven signs, and the label of the side. */
export function isMarker(line: string, sign: '<' | '>', label: string): boolean {
  return line.trimEnd().replace(/^[<>]{7,} /, '') === label && line.startsWith(sign.repeat(7));
}
