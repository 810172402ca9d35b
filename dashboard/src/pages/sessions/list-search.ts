import type { SessionStatus } from '../../../../src/protocol/common/enums.ts';
import type { ListSessionsQuery } from '../../../../src/protocol/session/list.ts';
import { STATUSES } from '../../ui/status-badge.tsx';

/** The list's filters, order and page. They are in the URL, so that a list can be shared and revisited. */
export interface ListSearch {
  status?: SessionStatus[];
  q?: string;
  sort?: ListSessionsQuery['sort'];
  page?: number;
}

export const SORTS = {
  '-created_at': 'Newest first',
  '-updated_at': 'Last changed first',
  priority: 'Most urgent first',
  status: 'By status',
  title: 'By title',
} as const satisfies Partial<Record<ListSessionsQuery['sort'], string>>;

export const PAGE_SIZE = 20;

/** Reads the URL's search parameters and ignores invalid ones. */
export function readListSearch(search: Record<string, unknown>): ListSearch {
  const wanted: unknown[] = Array.isArray(search.status) ? search.status : [];
  const status = STATUSES.filter((known) => wanted.includes(known));
  const sort = (Object.keys(SORTS) as (keyof typeof SORTS)[]).find((known) => known === search.sort);
  return {
    ...(status.length > 0 && { status }),
    ...(typeof search.q === 'string' && search.q !== '' && { q: search.q }),
    ...(sort && { sort }),
    ...(Number.isInteger(search.page) && Number(search.page) > 1 && { page: Number(search.page) }),
  };
}
