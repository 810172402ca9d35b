import { useMutation, useQueryClient } from '@tanstack/react-query';
import { visible } from '../../../../src/domain/visible-text.ts';
import type { ContextConflict } from '../../../../src/protocol/context/merge.ts';
import { useClient, useMay } from '../../data/api.tsx';
import { sharedContextKey } from '../../data/use-shared-context.ts';
import { Button } from '../../ui/button.tsx';
import { ErrorNotice } from '../../ui/notice.tsx';
import { Panel } from '../../ui/panel.tsx';
import { ContextValue } from './context-value.tsx';

/** The conflicts that merges have left open: both sides of each, and a button for each side. */
export function ContextConflicts({
  contextRef,
  conflicts,
  sources,
}: {
  contextRef: string;
  conflicts: readonly ContextConflict[];
  /** Contexts in words, by their ids. */
  sources: ReadonlyMap<string, string>;
}) {
  return (
    <Panel
      tone="alert"
      title="A merge waits for your decision"
      aside={<span className="caps">{conflicts.length} open</span>}
    >
      <ul aria-label="Open conflicts" className="divide-y-2 divide-faint">
        {conflicts.map((conflict) => (
          <li key={conflict.n} className="space-y-2 px-3 py-2.5">
            <Conflict contextRef={contextRef} conflict={conflict} from={sources.get(conflict.source_id)} />
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function Conflict(props: { contextRef: string; conflict: ContextConflict; from: string | undefined }) {
  const { contextRef, conflict } = props;
  const client = useClient();
  const queries = useQueryClient();
  const mayWrite = useMay('write_context');
  const resolve = useMutation({
    mutationFn: (choose: 'current' | 'source') => client.contexts.resolve(contextRef, conflict.n, { choose }),
    onSettled: () => queries.invalidateQueries({ queryKey: sharedContextKey(contextRef) }),
  });
  const { path, base, current, source, source_id } = conflict;
  const place = visible(path);
  const sides = [
    ...('base' in conflict ? [['Both had', base] as const] : []),
    ['Now', current] as const,
    [`From ${props.from ?? source_id.slice(0, 8)}`, source] as const,
  ];
  const busy = resolve.isPending;
  return (
    <>
      <p className="font-mono text-sm font-bold wrap-anywhere">{place}</p>
      <dl className="space-y-1">
        {sides.map(([name, value]) => (
          <div key={name} className="flex flex-wrap items-baseline gap-x-3">
            <dt className="caps text-mute">{name}</dt>
            <dd className="min-w-0">
              <ContextValue value={value} />
            </dd>
          </div>
        ))}
      </dl>
      {resolve.isError && <ErrorNotice error={resolve.error} />}
      {mayWrite && (
        <div className="flex flex-wrap gap-2">
          <Button busy={busy} aria-label={`Keep what is there now: ${place}`} onClick={() => resolve.mutate('current')}>
            Keep what is there now
          </Button>
          <Button busy={busy} aria-label={`Take the other one: ${place}`} onClick={() => resolve.mutate('source')}>
            Take the other one
          </Button>
        </div>
      )}
    </>
  );
}
