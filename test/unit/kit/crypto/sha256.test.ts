import { createHash, createHmac } from 'node:crypto';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { equalDigests, hmacSha256, sha256 } from '../../../../durable-objects/kit/crypto/sha256.ts';
import { runs } from '../../../support/seeds.ts';

const text = fc.string({ unit: 'grapheme', maxLength: 300 });

it.each([0, 1, 55, 56, 63, 64, 65, 119, 120, 1_000])('hashes a text of %i characters as Node does', (length) => {
  const padded = 'x'.repeat(length);
  expect(sha256(padded)).toBe(createHash('sha256').update(padded).digest('hex'));
});

it('computes the HMAC of any text under any key as Node does', async () => {
  await fc.assert(
    fc.property(text, text, (key, message) => {
      expect(hmacSha256(key, message)).toBe(createHmac('sha256', key).update(message).digest('hex'));
    }),
    runs(200),
  );
});

it('takes two digests for equal only if all their digits are', () => {
  const digest = sha256('a');
  expect(equalDigests(digest, sha256('a'))).toBe(true);
  for (const other of ['', digest.slice(1), `${digest}0`, sha256('b'), `${digest.slice(0, -1)}g`]) {
    expect(equalDigests(digest, other), other).toBe(false);
  }
});
