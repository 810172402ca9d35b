import { useState } from 'react';
import { visible } from '../../../../src/domain/visible-text.ts';
import type { Context } from '../../../../src/protocol/context/context.ts';
import {
  useAgentNames,
  useContextConflicts,
  useContextHistory,
  useOldestVersion,
  useSharedContext,
  useSourceTexts,
} from '../../data/use-shared-context.ts';
import { Button } from '../../ui/button.tsx';
import { Empty, ErrorNotice, Loading } from '../../ui/notice.tsx';
import { Panel } from '../../ui/panel.tsx';
import { ContextConflicts } from './context-conflicts.tsx';
import { ContextHistory, Provenance } from './context-history.tsx';
import { ContextValue, SecretValue } from './context-value.tsx';
import { type MemberRow, memberRows } from './context-words.ts';

/** How many members are shown at first, and more each time. */
const MEMBERS = 100;

/** What people and agents share in a session: its values with their writers, its history, and what waits for a decision. */
export function ContextTab({ sessionId }: { sessionId: string }) {
  const ref = `session.${sessionId}`;
  const context = useSharedContext(ref);
  if (context.isPending) return <Loading what="the context" />;
  if (context.data === undefined) return <ErrorNotice error={context.error} />;
  return (
    <div className="space-y-5">
      {context.isError && <ErrorNotice error={context.error} />}
      {context.data === null ? (
        <Unwritten sessionId={sessionId} />
      ) : (
        <Written sessionId={sessionId} contextRef={ref} context={context.data} />
      )}
    </div>
  );
}

function Unwritten({ sessionId }: { sessionId: string }) {
  return (
    <Empty title="Nothing is shared yet">
      <p>
        A context is a JSON object that the people and agents of a session share, with versions and a history. The first
        write makes it. Agents write to it while they work; you do in a terminal:
      </p>
      <p className="mt-2 font-mono text-xs wrap-anywhere text-ink">
        npm run oio -- context set {sessionId} build/status green
      </p>
    </Empty>
  );
}

function Written(props: { sessionId: string; contextRef: string; context: Context }) {
  const { sessionId, contextRef, context } = props;
  const { version, open_conflicts } = context;
  const history = useContextHistory(contextRef, version);
  const conflicts = useContextConflicts(contextRef, version, open_conflicts);
  const changes = history.data?.pages.flatMap(({ items }) => items) ?? [];
  // All changes are loaded when there is no older page.
  const base = history.data && !history.hasNextPage ? (history.data.pages[0]?.base_version ?? null) : null;
  const oldest = useOldestVersion(contextRef, base).data ?? null;
  const writers = [...changes, ...(oldest ? [oldest] : [])];
  const names = useAgentNames(writers.map(({ by }) => by.agent_id));
  const sources = useSourceTexts(
    [
      ...(conflicts.data ?? []).map(({ source_id }) => source_id),
      ...context.links.map(({ id }) => id),
      ...changes.flatMap(({ merged = [] }) => merged.map(({ id }) => id)),
    ],
    sessionId,
  );
  return (
    <>
      {conflicts.isError && <ErrorNotice error={conflicts.error} />}
      {open_conflicts > 0 && conflicts.data && (
        <ContextConflicts contextRef={contextRef} conflicts={conflicts.data} sources={sources} />
      )}
      <Panel title="Values" aside={<span className="caps">version {version}</span>}>
        <Members rows={memberRows(context, changes, oldest)} names={names} />
      </Panel>
      {context.links.length > 0 && (
        <p className="font-mono text-xs wrap-anywhere text-mute">
          Links to {context.links.map(({ id }) => sources.get(id) ?? id).join(', ')}
        </p>
      )}
      {history.isError && <ErrorNotice error={history.error} />}
      {writers.length > 0 && (
        <ContextHistory changes={changes} oldest={oldest} names={names} sources={sources}>
          {history.hasNextPage && (
            <Button className="m-3" busy={history.isFetchingNextPage} onClick={() => void history.fetchNextPage()}>
              Older changes
            </Button>
          )}
        </ContextHistory>
      )}
    </>
  );
}

function Members({ rows, names }: { rows: readonly MemberRow[]; names: ReadonlyMap<string, string> }) {
  const [shown, setShown] = useState(MEMBERS);
  if (rows.length === 0) return <Empty title="It has no values" />;
  return (
    <>
      <ul aria-label="Values of the context" className="divide-y-2 divide-faint">
        {rows.slice(0, shown).map(({ name, value, origin, isSecret }) => (
          <li key={name} className="space-y-1 px-3 py-2">
            <div className="flex flex-wrap items-baseline gap-x-4 gap-y-1">
              <span className="font-mono text-sm font-bold wrap-anywhere">{visible(name)}</span>
              {isSecret ? <SecretValue value={value} /> : <ContextValue value={value} />}
            </div>
            {origin && <Provenance origin={origin} names={names} />}
          </li>
        ))}
      </ul>
      {rows.length > shown && (
        <Button className="m-3" onClick={() => setShown(shown + MEMBERS)}>
          {rows.length - shown} more values
        </Button>
      )}
    </>
  );
}
