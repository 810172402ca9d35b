import { placeWriterText, writerText } from '../src/domain/context/writer-text.ts';
import { ago } from '../src/domain/relative-time.ts';
import type { Context, ContextChange, ContextDiff, ContextKey } from '../src/protocol/context/context.ts';
import type { ContextConflict } from '../src/protocol/context/merge.ts';
import { oio } from './command.ts';
import { paint, printable } from './terminal.ts';
import { cut } from './text-width.ts';

/** The names of agents by their ids. */
export type AgentNames = ReadonlyMap<string, string>;

/** The most changed places of a version that are shown. */
const SHOWN_EDITS = 20;
/** A shorter value would say too little. */
const MIN_VALUE_WIDTH = 24;

/** A context as lines: what it is, its data as JSON, and what waits for a decision. @param now ms since the epoch */
export function contextLines(context: Context, name: string, agents: AgentNames, now: number): string[] {
  const { version, updated_at, updated_by, data, links } = context;
  const changed = `version ${version}, changed ${ago(updated_at, now)} by ${writerText(updated_by, agents)}`;
  return [
    `${paint('bold', printable(name))}  ${paint('dim', printable(changed))}`,
    ...jsonLines(data),
    ...links.map(({ id }) => paint('dim', `· links to ${id}`)),
  ];
}

/** The value of one place as lines. @param now ms since the epoch */
export function keyLines({ path, value, version, changed }: ContextKey, agents: AgentNames, now: number): string[] {
  const by = placeWriterText(changed.by, agents);
  const when = `version ${version}, changed with version ${changed.version} ${ago(changed.at, now)} by ${by}`;
  return [`${paint('bold', printable(path))}  ${paint('dim', printable(when))}`, ...valueLines(value)];
}

/** A value in full: a text as it is, anything else as JSON. */
export function valueLines(value: unknown): string[] {
  return typeof value === 'string' ? value.split('\n').map(printable) : jsonLines(value);
}

/** Who has made a version, and when. */
type Origin = Pick<ContextChange, 'version' | 'at' | 'by'>;

/**
 * The changes of a context as lines, the newest first.
 *
 * @param oldest the version before all of them; null if there are older changes
 * @param now ms since the epoch
 */
export function historyLines(
  changes: readonly ContextChange[],
  oldest: Origin | null,
  agents: AgentNames,
  now: number,
): string[] {
  return [
    ...changes.flatMap((change) => changeLines(change, agents, now)),
    ...(oldest === null ? [] : [versionLine(oldest, agents, now), paint('dim', '  the oldest version that is kept')]),
  ];
}

function versionLine({ version, at, by }: Origin, agents: AgentNames, now: number, how = ''): string {
  const origin = `${ago(at, now)}, ${writerText(by, agents)}${how}`;
  return `${paint('bold', `version ${version}`)}  ${paint('dim', printable(origin))}`;
}

function changeLines(change: ContextChange, agents: AgentNames, now: number): string[] {
  const { edits, merged = [] } = change;
  const sources = merged.map((source) => `version ${source.version} of ${source.id}`).join(', ');
  const how = sources === '' ? '' : `, merged from ${sources}`;
  const more = edits.length - SHOWN_EDITS;
  return [
    versionLine(change, agents, now, how),
    ...edits
      .slice(0, SHOWN_EDITS)
      .map(({ path, value }) => (value === undefined ? removedLine(path) : line('yellow', '~', path, short(value)))),
    ...(more > 0 ? [paint('dim', `  … ${more} more places; --json shows all`)] : []),
  ];
}

/** A difference as lines, by path. */
export function contextDiffLines({ added, changed, removed }: ContextDiff): string[] {
  const lines = [
    ...added.map(({ path, value }) => [path, line('green', '+', path, short(value))] as const),
    ...removed.map(({ path, value }) => [path, line('red', '-', path, short(value))] as const),
    ...changed.map((one) => [one.path, changedLine(one.path, one.old, one.new)] as const),
  ].sort(([one], [other]) => (one < other ? -1 : 1));
  return lines.length === 0 ? [paint('dim', '· no difference')] : lines.map(([, text]) => text);
}

/** Open conflicts of merges as lines: both values, and the command that decides. */
export function conflictLines(conflicts: readonly ContextConflict[], name: string): string[] {
  if (conflicts.length === 0) return [];
  return [
    paint('yellow', `! ${conflicts.length === 1 ? '1 conflict waits' : `${conflicts.length} conflicts wait`}`),
    ...conflicts.flatMap(({ n, path, current, source, source_id, source_version }) => [
      `  ${n}  ${printable(path)}`,
      `     current: ${short(current)}`,
      `     source:  ${short(source)}  ${paint('dim', `from version ${source_version} of ${source_id}`)}`,
    ]),
    paint('dim', `· ${oio} context resolve ${name} <number> current|source`),
  ];
}

/** A value in one line, cut to the width of the terminal. `(nothing)` if there is none. */
export function short(value: unknown): string {
  if (value === undefined) return paint('dim', '(nothing)');
  return cut(printable(JSON.stringify(value)), valueWidth());
}

function valueWidth(): number {
  const { columns } = process.stdout;
  return columns ? Math.max(MIN_VALUE_WIDTH, Math.floor(columns / 2) - 8) : Number.POSITIVE_INFINITY;
}

function changedLine(path: string, old: unknown, now: unknown): string {
  return line('yellow', '~', path, `${short(old)} ${paint('dim', '→')} ${short(now)}`);
}

function removedLine(path: string): string {
  return line('red', '-', path, paint('dim', 'removed'));
}

function line(format: 'green' | 'red' | 'yellow', sign: string, path: string, value: string): string {
  return `  ${paint(format, `${sign} ${printable(path)}`)}  ${value}`;
}

function jsonLines(value: unknown): string[] {
  return JSON.stringify(value, null, 2).split('\n').map(printable);
}
