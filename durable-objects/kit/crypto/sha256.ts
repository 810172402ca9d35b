import { hmac } from '@noble/hashes/hmac.js';
import { sha256 as digestOf } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';

/**
 * Synchronous SHA-256 (FIPS 180-4) and HMAC (RFC 2104). Web Crypto is asynchronous, and an object must decide within
 * one transaction.
 */

/** SHA-256 of a text in UTF-8, in hexadecimal digits. */
export function sha256(text: string): string {
  return bytesToHex(digestOf(utf8ToBytes(text)));
}

/** HMAC-SHA-256 of a text under a key, both in UTF-8, in hexadecimal digits. */
export function hmacSha256(key: string, text: string): string {
  return bytesToHex(hmac(digestOf, utf8ToBytes(key), utf8ToBytes(text)));
}

/** Whether two digests are equal. The time of the comparison does not depend on where they differ. */
export function equalDigests(left: string, right: string): boolean {
  if (left.length !== right.length) return false;
  let difference = 0;
  for (let index = 0; index < left.length; index++) difference |= left.charCodeAt(index) ^ right.charCodeAt(index);
  return difference === 0;
}
