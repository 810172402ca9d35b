import { whyOutOfBounds } from '../../src/domain/context/bounds.ts';
import { conflict } from '../../src/domain/context/condition.ts';
import { type Edit, editsBetween, type Path, pathOf, pointerOf, valueAt } from '../../src/domain/context/edits.ts';
import type { JsonObject } from '../../src/domain/context/json.ts';
import type { Mark } from '../../src/domain/context/secrets.ts';
import type { ChangedPlace } from '../../src/domain/context/stamps.ts';
import type { Call } from '../../src/ports/calls.ts';
import type { NewContext } from '../../src/ports/contexts.ts';
import { type Outcome, ok, refuse } from '../../src/protocol/common/errors.ts';
import type { ContextWriter } from '../../src/protocol/context/context.ts';
import type { Visible } from '../../src/protocol/context/visible.ts';
import { CONTEXT_BOUNDS, type Journal, type MergedFrom } from './journal.ts';
import type { ContextRecords } from './records.ts';
import { onePerPlace, type Secrets } from './secrets.ts';

/** How many places in conflict an error names. */
const SHOWN_CONFLICTS = 20;

/** The version that a change has made, or has found. */
export interface Changed {
  version: number;
}

/** What the writer of a change has seen. */
export interface Expected {
  /** The versions that will do; undefined if any will. */
  versions: readonly number[] | undefined;
  /** An older version will do, too, if the changed places are still as it has them. */
  atPlaces?: boolean;
}

/** Makes the versions of a context. Each method is part of a transaction. */
export class Changes {
  readonly #records: ContextRecords;
  readonly #journal: Journal;
  readonly #secrets: Secrets;

  constructor({ records, journal, secrets }: { records: ContextRecords; journal: Journal; secrets: Secrets }) {
    this.#records = records;
    this.#journal = journal;
    this.#secrets = secrets;
  }

  /** Makes the context. It must not exist. @param path where the request has the data */
  begin(
    context: NewContext,
    data: JsonObject,
    call: Call,
    path: 'data' | 'updates',
    marks: readonly Mark[] = [],
  ): Outcome<Changed> {
    const problem = whyOutOfBounds(data, CONTEXT_BOUNDS);
    if (problem !== null) return outOfBounds(problem, path);
    const news = this.#secrets.news(marks);
    const refusal = this.#secrets.whyNot(editsBetween({}, data), news);
    if (refusal) return refusal;
    const version = this.#records.begin(context);
    this.#journal.begin(version, data, writerOf(call));
    this.#secrets.add(news);
    return ok({ version });
  }

  /**
   * Makes the next version, if `wanted` is another value than the present one, or there are new marks of secrets.
   * Fails with `context_conflict` if the writer has seen an older one.
   */
  make(
    wanted: JsonObject,
    expected: Expected,
    call: Call,
    { merged = null, marks = [] }: { merged?: readonly MergedFrom[] | null; marks?: readonly Mark[] } = {},
  ): Outcome<Changed> {
    const { data, version } = this.#journal.head;
    const edits = editsBetween(data, wanted);
    const stale = this.#whyStale(edits, expected);
    if (stale) return stale;
    const news = this.#secrets.news(marks);
    if (edits.length === 0 && news.length === 0) return ok({ version });
    const problem = this.#journal.whyNot(edits);
    if (problem !== null) return outOfBounds(problem, 'updates');
    const refusal = this.#secrets.whyNot(edits, news);
    if (refusal) return refusal;
    this.#secrets.add(news);
    this.#journal.append(edits, writerOf(call), merged);
    return ok({ version: this.#journal.head.version });
  }

  /** The refusal of a change by a writer that has seen none of the newest version; null if it may go on. */
  #whyStale(edits: readonly Edit[], { versions, atPlaces = false }: Expected): Outcome<never> | null {
    const { version, stamps, data } = this.#journal.head;
    if (versions === undefined || versions.includes(version)) return null;
    if (versions.length > 0 && versions.every((one) => one > version)) {
      const detail = `The context has no version ${versions.join(', ')}: its newest one is ${version}. Read it, and send the request with the version that you have read.`;
      return conflict(detail, { version, can_merge: false, keys: [] });
    }
    const seen = Math.max(0, ...versions.filter((one) => one < version));
    const inConflict = edits.filter(({ path }) => stamps.newestIn(pathOf(path), data).version > seen);
    if (atPlaces && inConflict.length === 0) return null;
    const places = onePerPlace(inConflict.map((edit) => this.#conflictAt(edit, seen)));
    const keys = places.slice(0, SHOWN_CONFLICTS);
    const more = places.length - keys.length;
    const can_merge = inConflict.length === 0;
    const detail = can_merge
      ? `The context has version ${version}. Your changes are in other places: send them again with that version.`
      : `The context has version ${version}, and others have changed ${keys.map(({ path }) => path).join(', ')}${more > 0 ? ` and ${more} more places` : ''} since. Read it, and decide which value counts.`;
    return conflict(detail, { version, can_merge, keys, ...(more > 0 && { more }) });
  }

  /** A place in conflict, as it is shown. */
  #conflictAt({ path, value }: Edit, seen: number): PlaceInConflict {
    const { data } = this.#journal.head;
    const yours = this.#secrets.maskAs('yours', value, path);
    const current = this.#secrets.maskAs('current', valueAt(data, pathOf(path)), path);
    return { path: this.#secrets.placeOf(path), ...current, ...yours, changed: this.#changedIn(pathOf(path), seen) };
  }

  /** What others have changed there since; the place as a whole, if that is too much. */
  #changedIn(place: Path, seen: number): ChangedPlace[] {
    const { stamps, data } = this.#journal.head;
    const changed: ChangedPlace[] = [];
    for (const { path, version } of stamps.changedIn(place, data, seen)) {
      if (changed.length === SHOWN_CONFLICTS) {
        return [{ path: this.#secrets.placeOf(pointerOf(place)), version: stamps.newestIn(place, data).version }];
      }
      changed.push({ path: this.#secrets.placeOf(path), version });
    }
    return changed;
  }
}

/** @see `ERROR_CODES.context_conflict` */
interface PlaceInConflict {
  path: string;
  current?: Visible;
  yours?: Visible;
  /** The places in it that were changed since the version that the writer has seen. */
  changed: ChangedPlace[];
}

export function outOfBounds(problem: string, path: string): Outcome<never> {
  return refuse('validation_failed', problem, { errors: [{ path, message: problem }] });
}

function writerOf({ principal: { token_id, agent }, lease }: Call): ContextWriter {
  return {
    token_id,
    agent_id: agent?.id ?? lease?.agent_id ?? null,
    task_id: lease?.task_id ?? null,
    epoch: lease?.epoch ?? null,
  };
}
