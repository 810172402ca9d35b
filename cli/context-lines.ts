import { placeWriterText, writerText } from '../src/domain/context/writer-text.ts';
import { ago } from '../src/domain/relative-time.ts';
import type { Context, ContextDiff, ContextKey } from '../src/protocol/context/context.ts';
import type { ContextConflict } from '../src/protocol/context/merge.ts';
import { oio } from './command.ts';
import { paint, printable } from './terminal.ts';
import { cut } from './text-width.ts';

/** The names of agents by their ids. */
export type AgentNames = ReadonlyMap<string, string>;
/** The addresses of contexts by their ids. */
export type ContextNames = ReadonlyMap<string, string>;

/** A shorter value would say too little. */
const MIN_VALUE_WIDTH = 24;

/** A context as lines: what it is, its data as JSON, and what waits for a decision. @param now ms since the epoch */
export function contextLines(
  context: Context,
  name: string,
  { agents, contexts }: { agents: AgentNames; contexts: ContextNames },
  now: number,
): string[] {
  const { version, updated_at, updated_by, data, links, secret_paths } = context;
  const changed = `version ${version}, changed ${ago(updated_at, now)} by ${writerText(updated_by, agents)}`;
  return [
    `${paint('bold', printable(name))}  ${paint('dim', printable(changed))}`,
    ...jsonLines(data),
    ...secret_paths.map((path) => secretLine(path)),
    ...links.map(({ id }) => paint('dim', `· links to ${contexts.get(id) ?? id}`)),
  ];
}

/**
 * The value of one place as lines.
 * @param secrets the places that are secret in it, or around it
 * @param now ms since the epoch
 */
export function keyLines(
  { path, value, version, changed }: ContextKey,
  secrets: readonly string[],
  agents: AgentNames,
  now: number,
): string[] {
  const by = placeWriterText(changed.by, agents);
  const when = `version ${version}, changed with version ${changed.version} ${ago(changed.at, now)} by ${by}`;
  const title = `${paint('bold', printable(path))}  ${paint('dim', printable(when))}`;
  return [title, ...valueLines(value), ...secrets.map(secretLine)];
}

/** Of the places that are secret, those that contain a place or are in it. */
export function secretsAt(path: string, secret_paths: readonly string[]): string[] {
  return secret_paths.filter((secret) => `${path}/`.startsWith(`${secret}/`) || secret.startsWith(`${path}/`));
}

/** The sign that a value which is shown is a secret. */
export function secretLine(path: string): string {
  return paint('yellow', `! ${printable(path)} is secret`);
}

/** A value in full: a text as it is, anything else as JSON. */
export function valueLines(value: unknown): string[] {
  return typeof value === 'string' ? value.split('\n').map(printable) : jsonLines(value);
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
export function conflictLines(conflicts: readonly ContextConflict[], name: string, contexts: ContextNames): string[] {
  if (conflicts.length === 0) return [];
  return [
    paint('yellow', `! ${conflicts.length === 1 ? '1 conflict waits' : `${conflicts.length} conflicts wait`}`),
    ...conflicts.flatMap(({ n, path, current, source, source_id, source_version }) => [
      `  ${n}  ${printable(path)}`,
      `     current: ${short(current)}`,
      `     source:  ${short(source)}  ${paint('dim', `from version ${source_version} of ${contexts.get(source_id) ?? source_id}`)}`,
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

export function removedLine(path: string): string {
  return line('red', '-', path, paint('dim', 'removed'));
}

export function line(format: 'green' | 'red' | 'yellow', sign: string, path: string, value: string): string {
  return `  ${paint(format, `${sign} ${printable(path)}`)}  ${value}`;
}

function jsonLines(value: unknown): string[] {
  return JSON.stringify(value, null, 2).split('\n').map(printable);
}
