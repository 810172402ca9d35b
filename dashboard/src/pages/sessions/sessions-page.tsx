import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useState } from 'react';
import { useClient, useMay } from '../../data/api.tsx';
import { useAwaySince } from '../../data/reachability.ts';
import { Button } from '../../ui/button.tsx';
import { count } from '../../ui/format.ts';
import { Empty, ErrorNotice, Loading } from '../../ui/notice.tsx';
import { PageTitle } from '../../ui/page-title.tsx';
import { Panel } from '../../ui/panel.tsx';
import { AgentsPanel } from './agents-panel.tsx';
import { CreateDialog } from './create-dialog.tsx';
import { Filters } from './filters.tsx';
import { isFiltered, type ListChange, PAGE_SIZE, queryOf, readListSearch } from './list-search.ts';
import { SessionTable } from './session-table.tsx';

const route = getRouteApi('/');
/** TanStack Query polls only while the page is visible. */
const POLL_MS = 2_000;

export function SessionsPage() {
  const client = useClient();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const [creating, setCreating] = useState(false);
  const page = search.page ?? 1;
  const list = useQuery({
    queryKey: ['sessions', search],
    queryFn: ({ signal }) => client.sessions.list(queryOf(search), { signal }),
    refetchInterval: POLL_MS,
    placeholderData: keepPreviousData,
  });
  const show = (change: ListChange) => void navigate({ search: readListSearch({ ...search, page: 1, ...change }) });
  const filtered = isFiltered(search);
  const away = useAwaySince() !== null;
  const mayCreate = useMay('operate');

  return (
    <div className="grid items-start gap-6 lg:grid-cols-[minmax(0,1fr)_18rem]">
      <PageTitle text="Sessions: Industrial Orchestrator" />
      <div className="min-w-0 space-y-4">
        <div className="flex items-end justify-between gap-4">
          <h1 className="text-3xl font-black tracking-tight uppercase sm:text-4xl">Sessions</h1>
          {mayCreate && (
            <Button look="strong" onClick={() => setCreating(true)}>
              New session
            </Button>
          )}
        </div>
        <Filters search={search} onChange={show} />
        {list.isError && !away && <ErrorNotice error={list.error} action={<p className="text-sm">Retrying…</p>} />}
        <Panel
          title={list.data ? `${count(list.data.total)} ${list.data.total === 1 ? 'session' : 'sessions'}` : 'Sessions'}
          aside={list.data && <Pages page={page} total={list.data.total} onPage={(to) => show({ page: to })} />}
        >
          {list.isPending && <Loading what="sessions" />}
          {list.data?.items.length === 0 && (
            <Empty title={filtered ? 'No session matches these filters' : 'No sessions yet'}>
              {filtered ? (
                <Button onClick={() => void navigate({ search: {} })}>Clear the filters</Button>
              ) : mayCreate ? (
                'Create one with the button “New session”.'
              ) : (
                'Your role may watch sessions, but not create them.'
              )}
            </Empty>
          )}
          {list.data && list.data.items.length > 0 && <SessionTable items={list.data.items} />}
        </Panel>
      </div>
      <AgentsPanel />
      {creating && <CreateDialog onClose={() => setCreating(false)} />}
    </div>
  );
}

function Pages({ page, total, onPage }: { page: number; total: number; onPage: (page: number) => void }) {
  const last = Math.max(1, Math.ceil(total / PAGE_SIZE));
  if (last === 1 && page === 1) return null;
  return (
    <nav aria-label="Pages" className="flex items-center gap-2">
      <PageButton label="Previous page" text="←" to={page - 1} enabled={page > 1} onPage={onPage} />
      <span className="caps">
        {page} / {last}
      </span>
      <PageButton label="Next page" text="→" to={page + 1} enabled={page < last} onPage={onPage} />
    </nav>
  );
}

function PageButton(props: {
  label: string;
  text: string;
  to: number;
  enabled: boolean;
  onPage: (page: number) => void;
}) {
  return (
    <Button
      aria-label={props.label}
      disabled={!props.enabled}
      onClick={() => props.onPage(props.to)}
      className="min-h-7! min-w-8 px-2! py-0!"
    >
      {props.text}
    </Button>
  );
}
