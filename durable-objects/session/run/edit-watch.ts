import { PathGlobs } from '../../../src/domain/path-globs.ts';
import { isFinal } from '../../../src/domain/task-status.ts';
import { truncated } from '../../../src/protocol/common/text.ts';
import type { SessionParts } from '../parts.ts';

type Needs = Pick<SessionParts, 'records' | 'details' | 'log' | 'messages' | 'editedFiles'>;

/** The most tasks of which one edit of a file is reported. */
const MAX_OTHERS = 5;
/** The most files of which an agent is told while it works. */
const MAX_STEERS = 10;
/** The events among which another task's change is looked for, and how much of it an agent is shown. */
const TAIL_EVENTS = 500;
const MAX_EXCERPT_CHARS = 2_000;
const BY_THE_SESSION = 'conflict_risk';

/**
 * What follows when an agent edits a file. An edit outside of the task's `paths` is noted. If another task edits the
 * same file, their works may not fit together: both tasks say so and, if the session wants it, the later one is told.
 */
export class EditWatch {
  readonly #parts: Needs;

  constructor(parts: Needs) {
    this.#parts = parts;
  }

  edited(task: number, path: string): void {
    const { records, editedFiles } = this.#parts;
    // Nothing can conflict with the only task of a session, and no paths are given to it.
    if (records.tasks().length === 1 || isFinal(records.task(task)!)) return;
    if (!editedFiles.add(task, path)) return;
    this.#noteStraying(task, path);
    const others = editedFiles.othersAt(task, path).slice(0, MAX_OTHERS);
    for (const other of others) this.#report(task, other, path);
    const isWanted = records.spec().on_conflict_risk === 'steer';
    if (others.length > 0 && isWanted && editedFiles.countRisks(task) <= MAX_STEERS)
      this.#steer(task, others[0]!, path);
  }

  #noteStraying(task: number, path: string): void {
    const { details, log } = this.#parts;
    const paths = details.definition(task)?.paths ?? [];
    if (paths.length > 0 && !new PathGlobs(paths).has(path)) log.append(task, { type: 'task.strayed', data: { path } });
  }

  #report(task: number, other: number, path: string): void {
    const { records, log } = this.#parts;
    const titleOf = (number: number) => records.task(number)!.title;
    log.append(task, { type: 'task.conflict_risk', data: { path, with_task: other, title: titleOf(other) } });
    log.append(other, { type: 'task.conflict_risk', data: { path, with_task: task, title: titleOf(task) } });
  }

  /** Tells the agent of a task what the other one has done to the file. */
  #steer(task: number, other: number, path: string): void {
    const { records, messages } = this.#parts;
    const lines = [
      `Another agent works on “${records.task(other)!.title}” at the same time, and has also changed \`${path}\`.`,
      'Both changes will be merged. Change only what your task needs in this file, and keep away from the other change.',
    ];
    const change = this.#changeOf(other, path);
    if (change !== null) lines.push(`The other agent has written there:\n\n${change}`);
    messages.add(task, lines.join('\n'), 'steer', BY_THE_SESSION);
  }

  /** The newest text that a task has written into a file; null if the log no longer has it. */
  #changeOf(task: number, path: string): string | null {
    for (const event of this.#parts.log.tail(TAIL_EVENTS).toReversed()) {
      if (event.task !== task || event.type !== 'tool') continue;
      const { filePath, newString, content } = event.data.input ?? {};
      const written = newString ?? content;
      const isOfFile = typeof filePath === 'string' && (filePath === path || filePath.endsWith(`/${path}`));
      if (isOfFile && typeof written === 'string' && written !== '') return truncated(written, MAX_EXCERPT_CHARS);
    }
    return null;
  }
}
