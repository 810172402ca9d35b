import { paint, printable } from './terminal.ts';
import { cut, widthOf } from './text-width.ts';

/** The narrowest that a column is cut to. On a narrower terminal, lines wrap. */
const MIN_CUT_WIDTH = 12;
const GAP = '  ';
const NOTHING = '-';
/** Ids are random, so these characters are hardly ever those of two. */
const SHOWN_ID_CHARS = 8;

/** A column of a list. */
export interface Column<Row> {
  title: string;
  /** The text of a cell, which may come from outside. An empty text is shown as a dash. */
  text(row: Row): string;
  /** Colors the text of a cell. */
  color?(text: string, row: Row): string;
  /** Left by default. */
  align?: 'right';
  /** Whether the text is cut to the width of the terminal. Only the last column can be cut. */
  isCut?: true;
}

interface Cell {
  text: string;
  color(text: string): string;
}

/**
 * A list as lines: a header, and one line for each row. Without rows, there is no header.
 *
 * @param width columns of the terminal; undefined for a pipe, whose reader gets all of the text
 */
export function table<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  width: number | undefined = process.stdout.columns || undefined,
): string[] {
  if (rows.length === 0) return [];
  const header = columns.map(({ title }): Cell => ({ text: title, color: (text) => paint('dim', text) }));
  const lines = [header, ...rows.map((row) => columns.map((column) => cellOf(column, row)))];
  const widths = columns.map((_, at) => lines.reduce((most, line) => Math.max(most, widthOf(line[at]!.text)), 0));
  const before = widths.slice(0, -1).reduce((sum, each) => sum + each + GAP.length, 0);
  const left = width === undefined ? Number.POSITIVE_INFINITY : Math.max(MIN_CUT_WIDTH, width - before);
  return lines.map((line) => {
    const padded = columns.map(({ align, isCut }, at) => {
      const { text, color } = line[at]!;
      const shown = isCut ? cut(text, left) : text;
      const padding = ' '.repeat(Math.max(0, widths[at]! - widthOf(shown)));
      if (align === 'right') return padding + color(shown);
      return at === columns.length - 1 ? color(shown) : color(shown) + padding;
    });
    return padded.join(GAP);
  });
}

function cellOf<Row>({ text, color }: Column<Row>, row: Row): Cell {
  const line = printable(text(row)).replaceAll(/\s+/g, ' ').trim();
  return { text: line || NOTHING, color: (shown) => color?.(shown, row) ?? shown };
}

/** An id as a list shows it: whole for a pipe. On a terminal, its first characters, which commands accept. */
export function shownId(id: string): string {
  return process.stdout.isTTY ? id.slice(0, SHOWN_ID_CHARS) : id;
}
