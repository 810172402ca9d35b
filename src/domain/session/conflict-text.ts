import type { SessionEvent } from '../../protocol/events/envelope.ts';

type Conflict = Pick<
  Extract<SessionEvent, { type: 'task.conflict' }>['data'],
  'ours' | 'theirs' | 'files' | 'total' | 'resolve'
>;

const SHOWN_FILES = 5;

/** A conflict of works in a sentence, for logs and transcripts. Tasks are named by their numbers. */
export function conflictText({ ours, theirs, files, total, resolve }: Conflict): string {
  const named = files.slice(0, SHOWN_FILES).map(({ path }) => path);
  const rest = total > named.length ? ` and ${total - named.length} more` : '';
  const where = `${named.join(', ')}${rest}`;
  return `The work of task ${theirs} conflicts with that of ${ours.join(', ')} in ${where}. Task ${resolve} resolves it, unless a person decides first.`;
}
