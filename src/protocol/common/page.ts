import * as z from 'zod';
import { type Infer, schema } from './schema.ts';

/** Pages of lists. A list continues after the sort key of the last item, so changes before it move no item. */

/** The most items of a page, and the number by default. */
const MAX_PAGE_SIZE = 100;

export const ListCursor = schema(() =>
  z
    .string()
    .regex(/^[\w-]{1,2000}$/, 'must be the next_cursor of a page of this list')
    .meta({
      id: 'ListCursor',
      description:
        'A position in a list, from `next_cursor` of a page. It is only for the same list in the same order.',
      example: 'WyJ0b2tlbnMiLDE3OTUzNTk4NDU2Nzhd',
    }),
);

export const PageSize = schema(() => z.coerce.number<number>().int().min(1).max(MAX_PAGE_SIZE));

/** The query of a list without filters. */
export const PageQuery = schema(() =>
  z.strictObject({ cursor: ListCursor().optional(), page_size: PageSize().default(MAX_PAGE_SIZE) }),
);
export type PageQuery = Infer<typeof PageQuery>;

/** The member of every page that names the next one. The `Link` header has it as an address. */
export const NextCursor = schema(() =>
  ListCursor().nullable().meta({ description: 'The `cursor` of the next page; null on the last page.' }),
);

/** The first page, with the most items. */
export const FIRST_PAGE: PageQuery = { page_size: MAX_PAGE_SIZE };

export interface Page<Item> {
  items: Item[];
  next_cursor: string | null;
}

export type ListKey = (string | number)[];

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The cursor of an item. @param list the name of the list and its order */
export function formatListCursor(list: string, key: ListKey): string {
  const bytes = encoder.encode(JSON.stringify([list, ...key]));
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}

/** The key in a cursor of this list; null when the cursor is none, or is one of another list. */
export function parseListCursor(list: string, text: string): ListKey | null {
  try {
    const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
    const bytes = Uint8Array.from(binary, (char) => char.charCodeAt(0));
    const parsed: unknown = JSON.parse(decoder.decode(bytes));
    if (!Array.isArray(parsed) || parsed[0] !== list) return null;
    const key = parsed.slice(1);
    return key.every((part) => typeof part === 'string' || Number.isFinite(part)) ? key : null;
  } catch {
    return null;
  }
}
