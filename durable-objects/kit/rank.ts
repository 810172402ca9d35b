import type { Ranks } from '../../src/domain/ranks.ts';

const WORD = /^[a-z_]+$/;

/**
 * SQL for the rank of the word in `column`, to sort by. Words that this release does not know sort last: a newer
 * release stored them before it was rolled back.
 */
export function rankOf(column: string, ranks: Ranks): string {
  const cases = Object.entries(ranks).map(([word, rank]) => {
    if (!WORD.test(word)) throw new Error(`not a word of an enumeration: ${word}`);
    return `WHEN '${word}' THEN ${rank}`;
  });
  return `CASE ${column} ${cases.join(' ')} ELSE ${Math.max(...Object.values(ranks)) + 1} END`;
}
