import fc from 'fast-check';
import { expect, it } from 'vitest';
import { rowsUpTo } from '../../../../durable-objects/kit/storage/rows-up-to.ts';
import { ObjectStore } from '../../../../durable-objects/kit/storage/store.ts';
import { MeasuredPlatform } from '../../../support/measured-platform.ts';

const NOTES = { table: 'notes', key: 'number', chars: 'length(text)', columns: 'number, text' };

function withNotes(lengths: readonly number[]) {
  const platform = new MeasuredPlatform();
  const sql = 'CREATE TABLE notes (number INTEGER PRIMARY KEY, text TEXT NOT NULL);';
  const store = new ObjectStore(platform, { object: 'Notes', steps: [{ id: 'notes/0001', sql }] });
  store.create(() => {
    for (const length of lengths) store.rows(`INSERT INTO notes (text) VALUES (?)`, 'x'.repeat(length));
  });
  platform.take();
  return { platform, store };
}

it('pages give every row once and in order, and none loads more than its bounds unless it is one row', () => {
  const lengths = fc.array(fc.constantFrom(0, 1, 40, 900, 5_000), { maxLength: 80 });
  fc.assert(
    fc.property(lengths, fc.constantFrom(1, 7, 30, 500), fc.constantFrom(1, 1_000, 20_000), (notes, rows, chars) => {
      const { platform, store } = withNotes(notes);
      const numbers: number[] = [];
      for (let after = 0, hasMore = true; hasMore; ) {
        const page = rowsUpTo<{ number: number; text: string }>(store, NOTES, { after, rows, chars });
        expect(platform.take().chars).toBeLessThanOrEqual(page.rows.length === 1 ? 5_000 : chars);
        expect(page.rows.length).toBeLessThanOrEqual(rows);
        numbers.push(...page.rows.map(({ number }) => number));
        expect(page.hasMore).toBe(numbers.length < notes.length);
        after = page.rows.at(-1)?.number ?? 0;
        hasMore = page.hasMore;
      }
      expect(numbers).toEqual(notes.map((_, index) => index + 1));
    }),
  );
});

it('few long rows cost few lengths, however many rows follow', () => {
  const { platform, store } = withNotes(Array(2_000).fill(600));
  rowsUpTo(store, NOTES, { after: 0, rows: 500, chars: 1_000 });
  expect(platform.take().rows).toBeLessThan(20);
});
