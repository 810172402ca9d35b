import { applyEdits, type Edit, pathOf, pointerOf, valueAt } from '../src/domain/context/edits.ts';
import type { JsonObject } from '../src/domain/context/json.ts';
import { writerText } from '../src/domain/context/writer-text.ts';
import { ago } from '../src/domain/relative-time.ts';
import type { ContextChange } from '../src/protocol/context/context.ts';
import { type AgentNames, type ContextNames, line, removedLine, short } from './context-lines.ts';
import { paint, printable } from './terminal.ts';

/** The most changed places of a version that are shown. */
const SHOWN_EDITS = 20;

/** The version before all changes: who has made it, when, and its data, in which secrets are masked. */
export interface Origin extends Pick<ContextChange, 'version' | 'at' | 'by'> {
  data: JsonObject;
}

interface Names {
  agents: AgentNames;
  contexts: ContextNames;
}

/**
 * The changes of a context as lines, the newest first.
 *
 * @param before the version before all of them
 * @param isOldest whether that is the oldest version that is kept; else it is not shown
 * @param now ms since the epoch
 */
export function historyLines(
  changes: readonly ContextChange[],
  before: Origin,
  isOldest: boolean,
  names: Names,
  now: number,
): string[] {
  let { data } = before;
  const lines = [...changes].reverse().map((change) => {
    const edits = change.edits as Edit[];
    const shown = changeLines(change, data, names, now);
    data = applyEdits(data, edits);
    return shown;
  });
  return [...lines.reverse().flat(), ...(isOldest ? oldestLines(before, names, now) : [])];
}

function oldestLines(before: Origin, { agents }: Names, now: number): string[] {
  const members = Object.entries(before.data).map(([name, value]) => ({ path: pointerOf([name]), value }));
  const how = before.version === 1 ? '' : ', the oldest version that is kept';
  return [versionLine(before, agents, now, how), ...editLines(members, {})];
}

function versionLine({ version, at, by }: Omit<Origin, 'data'>, agents: AgentNames, now: number, how: string): string {
  const origin = `${ago(at, now)}, ${writerText(by, agents)}${how}`;
  return `${paint('bold', `version ${version}`)}  ${paint('dim', printable(origin))}`;
}

function changeLines(change: ContextChange, data: JsonObject, { agents, contexts }: Names, now: number): string[] {
  const { edits, merged } = change;
  const sources = (merged ?? []).map(({ id, version }) => `version ${version} of ${contexts.get(id) ?? id}`).join(', ');
  const how = sources === '' ? '' : `, merged from ${sources}`;
  const isMark = edits.length === 0 && merged === undefined;
  return [
    versionLine(change, agents, now, how),
    ...(isMark ? [paint('dim', '  a place was marked as secret')] : editLines(edits as Edit[], data)),
  ];
}

/** @param data as it was before them */
function editLines(edits: readonly Edit[], data: JsonObject): string[] {
  const more = edits.length - SHOWN_EDITS;
  const lineOf = ({ path, value }: Edit) => {
    if (value === undefined) return removedLine(path);
    const isNew = valueAt(data, pathOf(path)) === undefined;
    return isNew ? line('green', '+', path, short(value)) : line('yellow', '~', path, short(value));
  };
  return [
    ...edits.slice(0, SHOWN_EDITS).map(lineOf),
    ...(more > 0 ? [paint('dim', `  … ${more} more places; --json shows all`)] : []),
  ];
}
