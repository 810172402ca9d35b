import { expect, it } from 'vitest';
import { type Column, table } from '../../../cli/table.ts';
import { cut, widthOf } from '../../../cli/text-width.ts';

interface Row {
  name: string;
  count: string;
  text: string;
}
const COLUMNS: readonly Column<Row>[] = [
  { title: 'name', text: ({ name }) => name },
  { title: 'count', text: ({ count }) => count, align: 'right' },
  { title: 'text', text: ({ text }) => text, isCut: true },
];
const ROWS: readonly Row[] = [
  { name: 'a long name', count: '7', text: 'say hello to the whole wide world' },
  { name: '日本語', count: '', text: 'short' },
];

it('a list has a header, aligned columns, and a dash for what is missing', () => {
  expect(table(ROWS, COLUMNS, undefined)).toEqual([
    'name         count  text',
    'a long name      7  say hello to the whole wide world',
    '日本語           -  short',
  ]);
});

it('on a terminal, no line is longer than the terminal is wide', () => {
  const lines = table([...ROWS, { name: 'e', count: '1', text: '漢字'.repeat(20) }], COLUMNS, 40);
  expect(lines[1]).toBe('a long name      7  say hello to the wh…');
  expect(lines.map(widthOf).filter((width) => width > 40)).toEqual([]);
});

it('a terminal that is too narrow for the other columns still shows the beginning of the last one', () => {
  expect(table(ROWS, COLUMNS, 10)[1]).toBe('a long name      7  say hello t…');
});

it('a list without rows has no header', () => {
  expect(table([], COLUMNS, 80)).toEqual([]);
});

it('a cell is one line, and cannot move the cursor', () => {
  const [, line] = table([{ name: 'a\nb\tc', count: '\u001b[2J', text: 'd\r\u202e' }], COLUMNS, undefined);
  expect(line).toBe('a b c      -  d‹U+202E›');
});

it('wide letters and emoji count twice, and marks belong to their letter', () => {
  expect(['abc', '日本', 'ｆｕ', 'e\u0301', '👩‍👩‍👧', '한글', '✓', '❤️'].map(widthOf)).toEqual([3, 4, 4, 1, 2, 4, 1, 2]);
});

it('a text is cut between letters, and a wide letter is never cut in half', () => {
  expect(cut('say hello', 9)).toBe('say hello');
  expect(cut('say hello', 5)).toBe('say…');
  expect(cut('日本語', 5)).toBe('日本…');
  expect(cut('日本語', 4)).toBe('日…');
  expect(cut('e\u0301e\u0301e\u0301', 2)).toBe('e\u0301…');
});
