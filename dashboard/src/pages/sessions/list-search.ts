import type { SessionStatus } from '../../../../src/protocol/common/enums.ts';
import type { ListSessionsQuery } from '../../../../src/protocol/session/list.ts';
import { STATUSES } from '../../ui/status-badge.tsx';

/** What of the list is shown, as the address has it: a list can be shared and gone back to. */
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

/** Reads the address's search; what is not understood is left out. */
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
