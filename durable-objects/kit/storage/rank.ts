import type { Ranks } from '../../../src/domain/ranks.ts';

const WORD = /^[a-z_]+$/;

/**
 * A SQL expression that sorts the words in `column` by rank. Unknown words sort last: a newer release may have stored
 * them before it was rolled back.
 */
export function rankOf(column: string, ranks: Ranks): string {
  const cases = Object.entries(ranks).map(([word, rank]) => {
    if (!WORD.test(word)) throw new Error(`not a word of an enumeration: ${word}`);
    return `WHEN '${word}' THEN ${rank}`;
  });
  return `CASE ${column} ${cases.join(' ')} ELSE ${Math.max(...Object.values(ranks)) + 1} END`;
}
