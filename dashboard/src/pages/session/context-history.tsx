import type { ReactNode } from 'react';
import { writerText } from '../../../../src/domain/context/writer-text.ts';
import { visible } from '../../../../src/domain/visible-text.ts';
import type { ContextChange } from '../../../../src/protocol/context/context.ts';
import { fullTime } from '../../ui/format.ts';
import { Panel } from '../../ui/panel.tsx';
import { ContextValue } from './context-value.tsx';
import type { Origin } from './context-words.ts';

/** More places of one version are counted. */
const SHOWN_EDITS = 20;

type Names = ReadonlyMap<string, string>;

/** Who has made a version, and when. */
export function Provenance({ origin: { version, at, by }, names }: { origin: Origin; names: Names }) {
  return (
    <p className="font-mono text-xs wrap-anywhere text-mute">
      version {version} · <time dateTime={at}>{fullTime(at)}</time> · {visible(writerText(by, names))}
    </p>
  );
}

/** The changes of a context, the newest first, and the version before them. `children` follow. */
export function ContextHistory(props: {
  changes: readonly ContextChange[];
  oldest: Origin | null;
  names: Names;
  /** Contexts in words, by their ids. */
  sources: Names;
  children?: ReactNode;
}) {
  return (
    <Panel title="History">
      <ol aria-label="Changes of the context" className="divide-y-2 divide-faint">
        {props.changes.map((change) => (
          <li key={change.version} className="space-y-1 px-3 py-2">
            <Provenance origin={change} names={props.names} />
            <Edits change={change} sources={props.sources} />
          </li>
        ))}
        {props.oldest && (
          <li className="space-y-1 px-3 py-2">
            <Provenance origin={props.oldest} names={props.names} />
            <p className="text-sm text-mute">
              {props.oldest.version === 1
                ? 'The first version.'
                : 'Changes before this version are not kept one by one.'}
            </p>
          </li>
        )}
      </ol>
      {props.children}
    </Panel>
  );
}

function Edits({ change: { edits, merged = [] }, sources }: { change: ContextChange; sources: Names }) {
  const more = edits.length - SHOWN_EDITS;
  return (
    <>
      {merged.map(({ id, version }) => (
        <p key={id} className="font-mono text-xs wrap-anywhere text-mute">
          merged from {sources.get(id) ?? id}, version {version}
        </p>
      ))}
      <ul className="space-y-1">
        {edits.slice(0, SHOWN_EDITS).map(({ path, value }) => (
          <li key={path} className="flex flex-wrap items-baseline gap-x-3">
            <span className="font-mono text-sm font-bold wrap-anywhere">{visible(path)}</span>
            {value === undefined ? <span className="caps text-bad">removed</span> : <ContextValue value={value} />}
          </li>
        ))}
      </ul>
      {more > 0 && <p className="text-sm text-mute">and {more} more places</p>}
    </>
  );
}
