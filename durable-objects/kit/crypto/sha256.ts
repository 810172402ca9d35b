import { hexOf } from '../../../src/protocol/common/hex.ts';

/**
 * Synchronous SHA-256 (FIPS 180-4) and HMAC (RFC 2104). Web Crypto is asynchronous, and an object must decide within
 * one transaction. The inputs are short.
 */

const BLOCK_BYTES = 64;
const encoder = new TextEncoder();

/** The first `count` primes' roots: 32 bits of the fraction of each. @param power of the root, such as 1/2 */
function rootsOfPrimes(count: number, power: number): Uint32Array {
  const roots = new Uint32Array(count);
  const primes: number[] = [];
  for (let candidate = 2; primes.length < count; candidate++) {
    if (primes.some((prime) => candidate % prime === 0)) continue;
    const root = candidate ** power;
    roots[primes.length] = (root - Math.floor(root)) * 2 ** 32;
    primes.push(candidate);
  }
  return roots;
}

const INITIAL = rootsOfPrimes(8, 1 / 2);
const ROUNDS = rootsOfPrimes(64, 1 / 3);

function rotated(word: number, by: number): number {
  return (word >>> by) | (word << (32 - by));
}

/** A message with its padding: a set bit, zeros, and its length in bits. */
function padded(message: Uint8Array): DataView {
  const blocks = Math.ceil((message.length + 9) / BLOCK_BYTES);
  const bytes = new Uint8Array(blocks * BLOCK_BYTES);
  bytes.set(message);
  bytes[message.length] = 0x80;
  const view = new DataView(bytes.buffer);
  view.setBigUint64(bytes.length - 8, BigInt(message.length) * 8n);
  return view;
}

/** The words of a block, and those that follow from them. */
function schedule(message: DataView, offset: number): Uint32Array {
  const words = new Uint32Array(64);
  for (let index = 0; index < 16; index++) words[index] = message.getUint32(offset + index * 4);
  for (let index = 16; index < 64; index++) {
    const [early, late] = [words[index - 15]!, words[index - 2]!];
    const sigma0 = rotated(early, 7) ^ rotated(early, 18) ^ (early >>> 3);
    const sigma1 = rotated(late, 17) ^ rotated(late, 19) ^ (late >>> 10);
    words[index] = words[index - 16]! + sigma0 + words[index - 7]! + sigma1;
  }
  return words;
}

function digest(message: Uint8Array): Uint8Array {
  const state = Uint32Array.from(INITIAL);
  const view = padded(message);
  for (let offset = 0; offset < view.byteLength; offset += BLOCK_BYTES) {
    const words = schedule(view, offset);
    let [a, b, c, d, e, f, g, h] = state as unknown as [number, number, number, number, number, number, number, number];
    for (let round = 0; round < 64; round++) {
      const sum1 = rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25);
      const first = (h + sum1 + ((e & f) ^ (~e & g)) + ROUNDS[round]! + words[round]!) | 0;
      const sum0 = rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22);
      const second = (sum0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      [h, g, f, e, d, c, b, a] = [g, f, e, (d + first) | 0, c, b, a, (first + second) | 0];
    }
    [a, b, c, d, e, f, g, h].forEach((word, index) => {
      state[index] = state[index]! + word;
    });
  }
  const bytes = new Uint8Array(32);
  state.forEach((word, index) => void new DataView(bytes.buffer).setUint32(index * 4, word));
  return bytes;
}

function joined(left: Uint8Array, right: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(left.length + right.length);
  bytes.set(left);
  bytes.set(right, left.length);
  return bytes;
}

/** SHA-256 of a text in UTF-8, in hexadecimal digits. */
export function sha256(text: string): string {
  return hexOf(digest(encoder.encode(text)));
}

/** HMAC-SHA-256 of a text under a key, both in UTF-8, in hexadecimal digits. */
export function hmacSha256(key: string, text: string): string {
  const given = encoder.encode(key);
  const block = new Uint8Array(BLOCK_BYTES);
  block.set(given.length > BLOCK_BYTES ? digest(given) : given);
  const inner = digest(
    joined(
      block.map((byte) => byte ^ 0x36),
      encoder.encode(text),
    ),
  );
  return hexOf(
    digest(
      joined(
        block.map((byte) => byte ^ 0x5c),
        inner,
      ),
    ),
  );
}

/** Whether two digests are equal. The time of the comparison does not depend on where they differ. */
export function equalDigests(left: string, right: string): boolean {
  if (left.length !== right.length) return false;
  let difference = 0;
  for (let index = 0; index < left.length; index++) difference |= left.charCodeAt(index) ^ right.charCodeAt(index);
  return difference === 0;
}
