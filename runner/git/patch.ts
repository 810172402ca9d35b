import { promisify } from 'node:util';
import { gunzip as gunzipCallback, gzip as gzipCallback } from 'node:zlib';
import { GZIP_MAGIC, MAX_UNPACKED_PATCH_BYTES } from '../../src/protocol/common/limits.ts';
import type { BytePath } from './byte-path.ts';

const gzip = promisify(gzipCallback);
const gunzip = promisify(gunzipCallback);

/** The part of a patch that changes one file. */
export interface FilePatch {
  path: BytePath;
  bytes: Buffer;
}

export interface PackedPatch {
  /** The patch, compressed if it is too long otherwise. */
  patch: Uint8Array;
  /** The parts that are not in it. */
  leftOut: FilePatch[];
}

/** Below this size, the parts of a patch are compressed together to find out what each one takes. */
const SMALL_BYTES = 65_536;

/** Compresses a patch if it is over the limit. If that is not enough, leaves out the files that take most of it. */
export async function packPatch(patch: Buffer, maxBytes: number): Promise<PackedPatch> {
  if (patch.byteLength <= maxBytes) return { patch: new Uint8Array(patch), leftOut: [] };
  const packed = await gzip(patch);
  if (packed.byteLength <= maxBytes) return { patch: new Uint8Array(packed), leftOut: [] };
  const parts = await weigh(splitPatch(patch));
  const heaviest = [...parts].sort((a, b) => b.weight - a.weight);
  const leftOut = new Set<(typeof parts)[number]>();
  let rest = parts.reduce((sum, { weight }) => sum + weight, 0);
  for (const part of heaviest) {
    if (rest <= maxBytes) {
      const kept = await gzip(Buffer.concat(parts.filter((one) => !leftOut.has(one)).map(({ bytes }) => bytes)));
      if (kept.byteLength <= maxBytes) return { patch: new Uint8Array(kept), leftOut: [...leftOut] };
    }
    leftOut.add(part);
    rest -= part.weight;
  }
  return { patch: new Uint8Array(), leftOut: parts };
}

/** The patch as git reads it. @throws when it is damaged, or too long */
export async function unpackPatch(patch: Uint8Array): Promise<Uint8Array> {
  if (patch[0] !== GZIP_MAGIC) return patch;
  return new Uint8Array(await gunzip(patch, { maxOutputLength: MAX_UNPACKED_PATCH_BYTES }));
}

async function weigh(parts: FilePatch[]): Promise<(FilePatch & { weight: number })[]> {
  const small = parts.filter(({ bytes }) => bytes.byteLength < SMALL_BYTES).map(({ bytes }) => bytes);
  const together = Buffer.concat(small);
  const ratio = together.byteLength === 0 ? 1 : (await gzip(together)).byteLength / together.byteLength;
  const weighed: (FilePatch & { weight: number })[] = [];
  for (const part of parts) {
    const { byteLength } = part.bytes;
    const weight = byteLength < SMALL_BYTES ? byteLength * ratio : (await gzip(part.bytes)).byteLength;
    weighed.push({ ...part, weight });
  }
  return weighed;
}

const HEADER = Buffer.from('diff --git ');

/** Splits a patch before each header. No other line of a patch begins like one. */
export function splitPatch(patch: Buffer): FilePatch[] {
  const starts: number[] = [];
  for (let at = 0; at >= 0 && at < patch.byteLength; ) {
    if (at === 0 || patch[at - 1] === 0x0a) starts.push(at);
    at = patch.indexOf(HEADER, at + 1);
  }
  return starts.map((start, index) => {
    const bytes = patch.subarray(start, starts[index + 1]);
    return { path: pathIn(bytes.subarray(HEADER.byteLength, bytes.indexOf(0x0a)).toString('latin1')), bytes };
  });
}

const ESCAPES: Readonly<Record<string, string>> = { a: '\x07', b: '\b', t: '\t', n: '\n', v: '\v', f: '\f', r: '\r' };

function unquoted(text: string): string {
  return text.replaceAll(/\\([0-7]{3}|.)/g, (_, code: string) =>
    code.length === 3 ? String.fromCharCode(Number.parseInt(code, 8)) : (ESCAPES[code] ?? code),
  );
}

/** The new path in a header: `a/old b/new`, or with quotes around a path with special characters. */
function pathIn(names: string): BytePath {
  const quoted = /"b\/((?:[^"\\]|\\.)*)"$/.exec(names)?.[1];
  if (quoted !== undefined) return unquoted(quoted) as BytePath;
  // A path can hold ` b/` too. Without a rename, both names are the same.
  const half = (names.length - 1) / 2;
  const isSame = names.slice(2, half) === names.slice(half + 3);
  return (isSame ? names.slice(half + 3) : names.slice(names.lastIndexOf(' b/') + 3)) as BytePath;
}
