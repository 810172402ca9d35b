import { BoundedMap } from '../../src/domain/bounded-map.ts';
import { whyOutOfBounds } from '../../src/domain/context/bounds.ts';
import { applyEdits, type Edit, Editing } from '../../src/domain/context/edits.ts';
import type { JsonObject } from '../../src/domain/context/json.ts';
import { unchangedSince } from '../../src/domain/context/place.ts';
import { type Stamp, type StampNode, Stamps } from '../../src/domain/context/stamps.ts';
import { BATCH_BYTES, exceedsBytes, MAX_STORED_BYTES } from '../../src/protocol/common/limits.ts';
import type { ContextWriter } from '../../src/protocol/context/context.ts';
import { rowsUpTo } from '../kit/storage/rows-up-to.ts';
import type { ObjectStore, Transaction } from '../kit/storage/store.ts';
import { readTextParts, writeTextParts } from '../kit/storage/text-parts.ts';
import type { ContextRecords } from './records.ts';

export const CONTEXT_BOUNDS = { context_bytes: 1_048_576, value_bytes: 262_144, depth: 32, name_chars: 256 };
/** How many changes are kept one by one. When there are twice as many, the older half becomes the base. */
export const KEPT_CHANGES = 200;
/** The number of versions that were merged into other contexts and stay in memory: as ancestors of the next merges. */
const MERGING_VERSIONS = 4;
/** How long the changes are that go with a retired context. */
const MAX_HISTORY_CHARS = 2_000_000;

const CHANGES = { table: 'changes', key: 'version', chars: 'length(edits)', columns: '*' };

/** What made a version. */
export interface ChangeRow {
  version: number;
  id: string;
  at: number;
  /** JSON: `ContextWriter`. */
  by: string;
  /** JSON: `Edit[]`. */
  edits: string;
  /** JSON: `MergedFrom[]`; null of a change that is no merge. */
  merged: string | null;
}

/** A context from which a change was merged. */
export interface MergedFrom {
  id: string;
  version: number;
}

/** A version as it is shown. */
export interface Shown {
  version: number;
  at: number;
  by: ContextWriter;
  data: JsonObject;
}

/** The data of a context at its newest version, and who has changed which place last. */
interface Head extends Shown {
  stamps: Stamps;
}

interface Base {
  at: number;
  by: ContextWriter;
  data: JsonObject;
  stamps: StampNode;
}

/** The versions of a retired context, as Postgres has them. */
interface History {
  base_version: number;
  base: Base;
  /** The oldest first. */
  changes: ChangeRow[];
}

/**
 * The versions of a context: a base, and the changes since. The rows are the truth. The newest data is kept in memory,
 * and read again after a transaction that has failed.
 */
export class Journal {
  readonly #store: ObjectStore;
  readonly #records: ContextRecords;
  readonly #changed: (isNew: boolean) => void;
  #head: Head | null = null;
  #next: { edits: readonly Edit[]; before: JsonObject; after: JsonObject } | null = null;
  /** The data of versions that were merged last. They share what did not change between them. */
  readonly #merging = new BoundedMap<number, JsonObject>(MERGING_VERSIONS);
  /** The last transaction that has changed the head. */
  #changedBy: Transaction | null = null;

  /** @param changed is called in each transaction that makes a version; `isNew` of the first one */
  constructor(store: ObjectStore, records: ContextRecords, changed: (isNew: boolean) => void) {
    this.#store = store;
    this.#records = records;
    this.#changed = changed;
  }

  get head(): Head {
    if (this.#changedBy?.outcome === 'failed') this.#head = null;
    this.#head ??= this.#read(Number.MAX_SAFE_INTEGER);
    return this.#head;
  }

  /** Whether the transaction that is under way has made a version. */
  get isChanging(): boolean {
    return this.#changedBy !== null && this.#changedBy === this.#store.transaction;
  }

  /** The version of the base: the oldest one that can be read. */
  get baseVersion(): number {
    return this.#records.get().base_version;
  }

  /** Writes the first version. The row of the context exists already, and has it as its base version. */
  begin(version: number, data: JsonObject, by: ContextWriter): void {
    this.#changedBy = this.#store.currentTransaction;
    const at = this.#store.platform.now();
    this.#writeBase({ at, by, data, stamps: { stamp: stampOf(version, at, by) } });
    this.#head = null;
    this.#changed(true);
  }

  /** Why the edits cannot be made, as a sentence; null if they can. */
  whyNot(edits: readonly Edit[]): string | null {
    if (exceedsBytes(JSON.stringify(edits), MAX_STORED_BYTES))
      return 'One change is too large. Make it in several parts.';
    return whyOutOfBounds(this.#after(edits), CONTEXT_BOUNDS);
  }

  /** Makes the next version. The edits must change something, and be within the bounds. */
  append(edits: readonly Edit[], by: ContextWriter, merged: readonly MergedFrom[] | null = null): void {
    const { platform } = this.#store;
    const { head } = this;
    this.#changedBy = this.#store.currentTransaction;
    const at = platform.now();
    const version = head.version + 1;
    const texts = { by: JSON.stringify(by), edits: JSON.stringify(edits), merged: merged && JSON.stringify(merged) };
    this.#insert({ version, id: platform.uuid(), at, ...texts });
    head.stamps.record(edits, stampOf(version, at, by), head.data);
    this.#head = { version, at, by, data: this.#after(edits), stamps: head.stamps };
    this.#next = null;
    if (version - this.baseVersion >= 2 * KEPT_CHANGES) this.#fold(version - KEPT_CHANGES);
    this.#changed(false);
  }

  /** The context as it was at a version; null if that version is not there, or not any more. */
  at(version: number): Head | null {
    if (version === this.head.version) return this.head;
    if (version > this.head.version || version < this.baseVersion) return null;
    return this.#read(version);
  }

  /** The next changes after a version, as many as a page has but at least one, and whether there are more. */
  changesAfter(version: number): { rows: ChangeRow[]; hasMore: boolean } {
    return rowsUpTo(this.#store, CHANGES, { after: version, rows: KEPT_CHANGES, chars: BATCH_BYTES / 2 });
  }

  /** The newest version, for a merge of it. The next merge asks for its data as the common ancestor. */
  merging(): Head {
    const { head } = this;
    this.#merging.set(head.version, head.data);
    return head;
  }

  /** What is known of a version: its data, or what nobody has changed since. */
  known(version: number): JsonObject {
    const isKept = version >= this.baseVersion;
    const data = (isKept && this.#merging.get(version)) || this.at(version)?.data;
    return data ?? unchangedSince(this.head.data, this.head.stamps.root, version);
  }

  /** The versions that can be read as JSON. If it is too long, the oldest changes become its base. */
  history(): string {
    const changes = this.#store.rows<ChangeRow>(`SELECT * FROM changes ORDER BY version DESC`);
    let [left, kept] = [MAX_HISTORY_CHARS, 0];
    while (kept < changes.length && left > changes[kept]!.edits.length) left -= changes[kept++]!.edits.length;
    const base_version = this.head.version - kept;
    const { at, by, data, stamps } = this.#read(base_version);
    const base: Base = { at, by, data, stamps: stamps.root };
    return JSON.stringify({ base_version, base, changes: changes.slice(0, kept).reverse() } satisfies History);
  }

  /** Writes the rows of a history. They were deleted. @returns the version of its base */
  restore(history: string): number {
    const { base_version, base, changes } = JSON.parse(history) as History;
    this.forget();
    this.#writeBase(base);
    for (const row of changes) this.#insert(row);
    this.#head = replayed(base_version, base, changes);
    return base_version;
  }

  /** The rows change, in the transaction that is under way, without this journal. */
  forget(): void {
    this.#changedBy = this.#store.currentTransaction;
    this.#head = null;
  }

  #insert({ version, id, at, by, edits, merged }: ChangeRow): void {
    const text = `INSERT INTO changes (version, id, at, by, edits, merged) VALUES (?, ?, ?, ?, ?, ?)`;
    this.#store.rows(text, version, id, at, by, edits, merged);
  }

  /** The newest data after these edits, which is asked for twice: whether they can be made, and to make them. */
  #after(edits: readonly Edit[]): JsonObject {
    const { data } = this.head;
    if (this.#next?.edits !== edits || this.#next.before !== data) {
      this.#next = { edits, before: data, after: applyEdits(data, edits) };
    }
    return this.#next.after;
  }

  #read(version: number): Head {
    const base = JSON.parse(readTextParts(this.#store, 'base_parts')) as Base;
    const rows = this.#store.rows<ChangeRow>(`SELECT * FROM changes WHERE version <= ? ORDER BY version`, version);
    return replayed(this.baseVersion, base, rows);
  }

  /** Makes a version the base, and forgets the changes that led to it. */
  #fold(version: number): void {
    const { at, by, data, stamps } = this.#read(version);
    this.#writeBase({ at, by, data, stamps: stamps.root });
    this.#records.folded(version);
    this.#store.rows(`DELETE FROM changes WHERE version <= ?`, version);
  }

  #writeBase(base: Base): void {
    writeTextParts(this.#store, 'base_parts', JSON.stringify(base));
  }
}

/** A base after the changes that follow it. The stamps of the base become those of the result. */
function replayed(base_version: number, { at, by, data, stamps }: Base, changes: readonly ChangeRow[]): Head {
  const head: Head = { version: base_version, at, by, data, stamps: new Stamps(stamps) };
  const editing = new Editing(data);
  for (const row of changes) {
    const writer = JSON.parse(row.by) as ContextWriter;
    const stamp = stampOf(row.version, row.at, writer);
    for (const edit of JSON.parse(row.edits) as Edit[]) {
      head.stamps.record([edit], stamp, editing.value);
      editing.make(edit);
    }
    Object.assign(head, { version: row.version, at: row.at, by: writer });
  }
  head.data = editing.value;
  return head;
}

function stampOf(version: number, at: number, { agent_id, token_id }: ContextWriter): Stamp {
  return { version, at, by: agent_id ?? token_id };
}
