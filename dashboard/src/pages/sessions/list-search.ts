import type { SessionStatus } from '../../../../src/protocol/common/enums.ts';
import type { ListSessionsQuery } from '../../../../src/protocol/session/list.ts';
import { STATUSES } from '../../ui/status-badge.tsx';

/** The list's filters, order and page. They are in the URL, so that a list can be shared and revisited. */
export interface ListSearch {
  /** Only sessions that wait for a person. */
  waiting?: true;
  status?: SessionStatus[];
  q?: string;
  sort?: ListSessionsQuery['sort'];
  page?: number;
}

/** Members to replace. One that is undefined is removed. */
export type ListChange = { [Key in keyof ListSearch]?: ListSearch[Key] | undefined };

export const SORTS = {
  '-created_at': 'Newest first',
  '-open_approvals': 'Waiting first',
  '-updated_at': 'Last changed first',
  priority: 'Most urgent first',
  status: 'By status',
  title: 'By title',
} as const satisfies Partial<Record<ListSessionsQuery['sort'], string>>;

export const PAGE_SIZE = 20;

/** Whether the list leaves out sessions. */
export function isFiltered({ waiting, status, q }: ListSearch): boolean {
  return waiting !== undefined || status !== undefined || q !== undefined;
}

/** The API's query of a list. */
export function queryOf({ waiting, ...search }: ListSearch) {
  return { ...search, page_size: PAGE_SIZE, ...(waiting && { waiting: 'true' as const }) };
}

/** Reads the URL's search parameters and ignores invalid ones. */
export function readListSearch(search: Record<string, unknown>): ListSearch {
  const wanted: unknown[] = Array.isArray(search.status) ? search.status : [];
  const status = STATUSES.filter((known) => wanted.includes(known));
  const sort = (Object.keys(SORTS) as (keyof typeof SORTS)[]).find((known) => known === search.sort);
  return {
    ...(search.waiting === true && { waiting: true }),
    ...(status.length > 0 && { status }),
    ...(typeof search.q === 'string' && search.q !== '' && { q: search.q }),
    ...(sort && { sort }),
    ...(Number.isInteger(search.page) && Number(search.page) > 1 && { page: Number(search.page) }),
  };
}
