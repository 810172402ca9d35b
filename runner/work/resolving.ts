import { counted } from '../../src/domain/counted.ts';
import { taskNumber } from '../../src/protocol/common/ids.ts';
import type { Assignment } from '../../src/protocol/run/assignment.ts';
import type { Work } from '../../src/protocol/run/start.ts';
import { pathText } from '../git/byte-path.ts';
import type { ConflictFile } from '../git/conflicts.ts';
import type { MergeConflict } from '../git/merge.ts';
import { filesWithMarkers } from '../git/resolution.ts';
import type { ModelFailure } from '../opencode/mapping/mapping.ts';

/** How often the model is told that its resolution still has conflict markers. */
export const MAX_MARKER_ROUNDS = 2;
const MAX_NAMED = 50;

/** Tells the model which files are in conflict, and how they are marked; null without a conflict. */
export function conflictNotice(conflict: MergeConflict | null): string | null {
  if (conflict === null) return null;
  const { labels, parents, files, total } = conflict;
  const more = total > files.length ? [`- and ${total - files.length} more`] : [];
  return [
    `Two works of this session conflict, and you resolve that. In this worktree they are merged, with git's conflict markers: lines after "<<<<<<< ${labels[0]}" are of the first work (commit ${parents[0].slice(0, 10)}), lines before ">>>>>>> ${labels[1]}" of the second one (commit ${parents[1].slice(0, 10)}), and lines after "|||||||" are what was there before both.`,
    'In conflict:',
    ...files.map(fileText),
    ...more,
    'Keep what both works mean to do. Edit the files, and leave no conflict marker. Where a file has no markers, decide whether it stays, and with which content. "git show <commit>:<path>" shows a file as one work has it.',
  ].join('\n');
}

function fileText({ path, kind, message }: ConflictFile): string {
  return `- ${pathText(path)} (${kind.replaceAll('_', '/')}): ${message}`;
}

/** Asks the model to go on while its files have conflict markers; null when there are none left. */
export async function markersLeft(directory: string, conflict: MergeConflict | null): Promise<string | null> {
  const names = conflict === null ? [] : (await filesWithMarkers(directory, conflict)).map(pathText);
  if (names.length === 0) return null;
  const rest = names.length > MAX_NAMED ? ` and ${names.length - MAX_NAMED} more` : '';
  return `The conflict is not resolved: ${counted(names.length, 'file')} still with git's names or conflict markers: ${names.slice(0, MAX_NAMED).join(', ')}${rest}. Resolve what is left, and remove the markers and names.`;
}

/**
 * What a lease without a model has done, in words.
 *
 * @param works those from whose files it began
 * @param isChecked whether checks ran on the files
 */
export function mergeText(kind: Assignment['kind'], works: readonly Work[], isChecked: boolean): string {
  if (kind === 'resolve') return 'The conflict is resolved as a person has chosen.';
  const [first, ...others] = new Set(works.map(({ task_id }) => taskNumber(task_id)));
  if (first === undefined) return `No task has changed a file.${isChecked ? ' The checks ran.' : ''}`;
  if (others.length === 0) {
    return isChecked ? `The checks ran on the work of task ${first}.` : `The work of task ${first} is the whole work.`;
  }
  const last = others.pop();
  const merged = `The works of tasks ${[first, ...others].join(', ')} and ${last} are merged.`;
  return isChecked ? `${merged} The checks ran on the whole.` : merged;
}

/** The model has left conflict markers each time. */
export function unresolved(problem: string): ModelFailure {
  return { code: 'conflict_unresolved', message: problem, retryable: true };
}
