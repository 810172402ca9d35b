import { BoundedMap } from '../../../src/domain/bounded-map.ts';
import { tasksEndedBefore } from '../../../src/domain/graph/reach.ts';
import {
  historyOf,
  lastWorks,
  type StartingPoint,
  startingPoint,
  type WorkName,
} from '../../../src/domain/graph/works.ts';
import { taskIdOf } from '../../../src/protocol/common/ids.ts';
import { MAX_WORKS } from '../../../src/protocol/common/limits.ts';
import type { CheckpointReport } from '../../../src/protocol/run/frames.ts';
import type { Start, Work } from '../../../src/protocol/run/start.ts';
import type { CheckpointView } from '../../../src/protocol/session/checkpoint.ts';
import type { Check } from '../../../src/protocol/session/checks.ts';
import type { SessionParts } from '../parts.ts';
import type { TaskRow } from '../rows.ts';

type Needs = Pick<SessionParts, 'kit' | 'records' | 'details' | 'graph'>;
type Reported = ReturnType<ReturnType<typeof CheckpointReport>['parse']>;

/** A work as its checkpoint's row and its task's row have it, in JSON. */
export interface StoredWork extends WorkName {
  parents: readonly WorkName[];
  /** Whether its commit has the base commit as its only parent, because it has too many works before it. */
  is_root: boolean;
  commit: string | null;
  /** The agents that have made it, in any lease of the task. */
  authors: string[];
}

/** The starting point of an epoch, as the task's row has it, in JSON. */
export interface StoredStart extends StartingPoint {
  epoch: number;
  is_root: boolean;
  /** The checks of the session that the agent was given, if those have changed since. */
  checks?: Check[];
}

/** The most works before those of the start that an assignment names. Beyond that, its commits begin a new history. */
const MAX_EARLIER_WORKS = 200;

/** The works that are kept parsed. */
const MAX_PARSED = 20_000;

/** The work of each task, and with which works a task begins. Their bytes are the artifacts of checkpoints. */
export class Works {
  readonly #parts: Needs;
  /** Parsed rows, by their JSON. */
  readonly #parsed = new BoundedMap<string, StoredWork>(MAX_PARSED);

  constructor(parts: Needs) {
    this.#parts = parts;
  }

  /** The task's newest work; null if it has none. */
  of(task: number): StoredWork | null {
    return this.#parse(this.#parts.records.task(task)?.work ?? null);
  }

  /** The last works of all completed tasks: what the session has made. */
  last(): WorkName[] {
    const { graph } = this.#parts;
    return this.#lastOf(graph.leaves().map(({ number }) => number));
  }

  /** The commit with all that the session has made; null if no single work has it, or its agent made none. */
  finalCommit(): string | null {
    const [one, ...more] = this.last();
    return one && more.length === 0 ? this.#at(one)!.commit : null;
  }

  /** With what a lease of the task begins. It is fixed when the lease is granted. */
  startOf(task: number): StoredStart {
    const { epoch, start } = this.#parts.records.task(task)!;
    const stored = start === null ? null : (JSON.parse(start) as StoredStart);
    return stored?.epoch === epoch ? stored : this.#newStart(task);
  }

  /** Whether the task's last lease began with exactly these works. */
  hasBegunWith(task: number, works: readonly WorkName[]): boolean {
    const { start } = this.#parts.records.task(task)!;
    if (start === null) return false;
    const begun = new Set((JSON.parse(start) as StoredStart).from.map(({ checkpoint }) => checkpoint));
    return begun.size === works.length && works.every(({ checkpoint }) => begun.has(checkpoint));
  }

  /** Fixes the start of the task's present epoch. */
  fixStart(task: number): void {
    const { records } = this.#parts;
    const own = this.#own(task);
    records.updateTask(task, {
      start: JSON.stringify(this.startOf(task)),
      work: own === null ? null : JSON.stringify(own),
    });
  }

  /** The agents that must not do a task, because they have made the works between which it decides. */
  authorsOfConflict(task: number): string[] {
    const resolution = this.#parts.details.definition(task)?.resolution;
    if (!resolution || resolution.choices !== null) return [];
    return [...new Set(resolution.works.flatMap((name) => this.#at(name)?.authors ?? []))];
  }

  /** Why no agent can begin with the task; null if one can. */
  whyNot(task: number): string | null {
    const { from } = this.startOf(task);
    if (from.length <= MAX_WORKS) return null;
    return `The task begins with the work of ${from.length} others, and ${MAX_WORKS} is the most. Let tasks between them merge some first.`;
  }

  /** Whether an agent must merge works for the task. One that goes on with a resolution needs both sides, too. */
  needsMerge(task: number): boolean {
    return this.#parts.records.task(task)!.kind === 'resolve' || this.startOf(task).from.length > 1;
  }

  /** Whether a task that is there to merge works has none with all of them. */
  lacksMerge(task: number): boolean {
    const { kind } = this.#parts.records.task(task)!;
    if (kind !== 'integrate' && kind !== 'resolve') return false;
    const { from } = this.startOf(task);
    const own = this.of(task);
    return from.length > 1 && lastWorks(own ? [...from, own] : from, this.#parentsOf).length > 1;
  }

  /** The start of an assignment. */
  view(task: number): Start {
    const { base_commit } = this.#parts.records.session();
    const { from, parents, is_root } = this.startOf(task);
    const names = (works: readonly WorkName[]) => works.map(({ checkpoint }) => checkpoint);
    const history = this.#history(is_root ? from : [...parents, ...from]);
    const works = history ?? from;
    const isShown = new Set(names(works));
    return {
      base_commit: base_commit ?? this.#parts.records.spec().repository.base_commit ?? null,
      from: names(from),
      parents: is_root ? [] : names(parents),
      works: works.map((name) => this.#view(name, isShown)),
    };
  }

  /**
   * Records the work that a checkpoint of the task holds, if it holds any. An agent without git names no base commit. What
   * a planner has changed is discarded.
   * @returns the work in JSON
   */
  made(task: number, checkpoint: number, { base_commit, commit = null, patch, local_only }: Reported): string | null {
    const { records } = this.#parts;
    const { parents, is_root } = this.startOf(task);
    const isPlan = records.task(task)!.kind === 'plan';
    const isWork = !isPlan && base_commit !== null && (patch !== null || local_only || parents.length > 0);
    if (!isWork) return null;
    const agent = records.lease(task)?.agent_id;
    const authors = [...new Set([...(this.of(task)?.authors ?? []), ...(agent === undefined ? [] : [agent])])];
    const work: StoredWork = { task, checkpoint, parents, is_root, commit, authors };
    const json = JSON.stringify(work);
    records.updateTask(task, { work: json });
    if (records.session().base_commit === null) records.update({ base_commit });
    return json;
  }

  #newStart(task: number): StoredStart {
    const { records, details, graph } = this.#parts;
    const resolved = details.definition(task)?.resolution?.works;
    const before = resolved ?? this.#lastOf(tasksEndedBefore(graph.tasks, task));
    const own = this.#own(task);
    // The order of works in conflict says which sides they are.
    const isInOrder = resolved !== undefined && own === null;
    const { from, parents } = isInOrder
      ? { from: resolved, parents: resolved }
      : startingPoint(own, before, this.#followed(task, own), this.#parentsOf);
    const isOwn = (name: WorkName) => name.checkpoint === own?.checkpoint;
    const goesOn = own !== null && from.length === 1 && from.every(isOwn) && !parents.some(isOwn);
    const is_root = goesOn ? own.is_root : this.#history(parents) === null;
    return { epoch: records.task(task)!.epoch, from, parents, is_root };
  }

  /** The newest work of a task from which other tasks have begun, if the task goes on from it or from nothing; else null. */
  #followed(task: number, own: StoredWork | null): WorkName | null {
    // Nobody has begun from the work of a task that has made none.
    if (own === null && this.#parts.records.task(task)!.restore === 'last') return null;
    const sql = `SELECT MAX(checkpoint) AS checkpoint FROM (
      SELECT parent.value ->> 'checkpoint' AS checkpoint FROM checkpoints AS made, json_each(made.work, '$.parents') AS parent
        WHERE made.task <> ?1 AND parent.value ->> 'task' = ?1
      UNION ALL SELECT parent.value ->> 'checkpoint' FROM tasks AS begun, json_each(begun.start, '$.parents') AS parent
        WHERE begun.number <> ?1 AND parent.value ->> 'task' = ?1)`;
    const { checkpoint } = this.#parts.kit.store.row<{ checkpoint: number | null }>(sql, task)!;
    if (checkpoint === null || (own !== null && own.checkpoint !== checkpoint)) return null;
    return { task, checkpoint };
  }

  /** The work with which the task goes on; null if it begins without one. */
  #own(task: number): StoredWork | null {
    const { restore } = this.#parts.records.task(task)!;
    if (restore === 'last') return this.of(task);
    return restore === 'fresh' ? null : this.#at({ task, checkpoint: Number(restore) });
  }

  #lastOf(tasks: readonly number[]): WorkName[] {
    const isDone = ({ status }: TaskRow) => status === 'completed';
    const works = tasks.flatMap((task) => (isDone(this.#parts.records.task(task)!) ? (this.of(task) ?? []) : []));
    return lastWorks(works, this.#parentsOf);
  }

  #history(works: readonly WorkName[]): WorkName[] | null {
    return historyOf(works, this.#shownParentsOf, works.length + MAX_EARLIER_WORKS);
  }

  #view({ task, checkpoint }: WorkName, isShown: ReadonlySet<number>): Work {
    const { kit, records } = this.#parts;
    const { parents, is_root, commit } = this.#at({ task, checkpoint })!;
    const sql = `SELECT view, patch_artifact, patch_sha256 FROM checkpoints WHERE number = ?`;
    const row = kit.store.row<{ view: string; patch_artifact: string | null; patch_sha256: string | null }>(
      sql,
      checkpoint,
    )!;
    const { base_commit, local_only, lacks } = JSON.parse(row.view) as CheckpointView;
    const isWhole = is_root || parents.every((parent) => isShown.has(parent.checkpoint));
    return {
      checkpoint,
      task_id: taskIdOf(records.session().id, task),
      parents: is_root || !isWhole ? [] : parents.map((parent) => parent.checkpoint),
      base_commit: base_commit!,
      // Its parents are left out, so what an agent builds is another commit with the same files.
      commit: isWhole ? commit : null,
      patch_artifact_id: row.patch_artifact,
      patch_sha256: row.patch_sha256,
      local_only,
      ...(lacks && { lacks }),
    };
  }

  readonly #parentsOf = (name: WorkName): readonly WorkName[] => this.#at(name)?.parents ?? [];

  readonly #shownParentsOf = (name: WorkName): readonly WorkName[] => {
    const work = this.#at(name);
    return work === null || work.is_root ? [] : work.parents;
  };

  /** The work of a checkpoint; null if the checkpoint has none. */
  #at({ task, checkpoint }: WorkName): StoredWork | null {
    const newest = this.of(task);
    if (newest?.checkpoint === checkpoint) return newest;
    const sql = `SELECT work FROM checkpoints WHERE number = ?`;
    return this.#parse(this.#parts.kit.store.row<{ work: string | null }>(sql, checkpoint)?.work ?? null);
  }

  #parse(json: string | null): StoredWork | null {
    if (json === null) return null;
    const known = this.#parsed.get(json);
    if (known) return known;
    const work = JSON.parse(json) as StoredWork;
    this.#parsed.set(json, work);
    return work;
  }
}
