import type { ConflictKind } from '../../../src/protocol/common/enums.ts';
import type { ConflictChoice, ConflictReport } from '../../../src/protocol/run/start.ts';
import type { ApprovalView } from '../../../src/protocol/session/approval.ts';

/** A task whose work is in conflict, and what it was to do. */
export interface Side {
  task_id: string;
  title: string;
  intent: string;
}

export interface ConflictItem {
  blocked: string;
  ours: Side[];
  theirs: Side;
  report: ConflictReport;
}

/** The most files about which a person is asked one by one. For more, one side is chosen for all of them. */
const MAX_QUESTIONS = 20;
const SHOWN_FILES = 20;
/** The labels of the answers. */
const OURS = 'ours';
const THEIRS = 'theirs';

const KIND_TEXT: Record<ConflictKind, string> = {
  content: 'both changed the same lines',
  add_add: 'both added it',
  modify_delete: 'one changed it, the other deleted it',
  rename: 'a side renamed it',
  mode: 'the sides have different types of file',
  binary: 'both changed it, and it has no lines to merge',
  submodule: 'both moved the submodule',
  file_directory: 'a file on one side, a directory on the other',
};

const quoted = (sides: readonly Side[]): string => sides.map(({ title }) => `“${title}”`).join(', ');

/** In which files works conflict, in words. */
function filesText({ files, total }: ConflictReport): string {
  const named = files.slice(0, SHOWN_FILES).map(({ path, kind }) => `${path} (${KIND_TEXT[kind]})`);
  return `${named.join(', ')}${total > named.length ? ` and ${total - named.length} more` : ''}`;
}

/** Why the task waits, in a sentence. */
export function conflictMessage({ ours, theirs, report }: ConflictItem): string {
  return `The work of ${quoted([theirs])} conflicts with that of ${quoted(ours)} in ${filesText(report)}.`;
}

/** The content of the item with which a person can decide. */
export function conflictAsk(item: ConflictItem): Pick<ApprovalView, 'title' | 'questions' | 'detail'> {
  const { ours, theirs, report } = item;
  const options = [
    { label: OURS, description: `The version of ${quoted(ours)}.` },
    { label: THEIRS, description: `The version of ${quoted([theirs])}.` },
  ];
  const question = (text: string, header: string) => ({ question: text, header, options, multiple: false });
  const isShort = report.total <= MAX_QUESTIONS && report.files.length === report.total;
  return {
    title: `“${item.blocked}” cannot begin. ${conflictMessage(item)}`,
    questions: isShort
      ? report.files.map(({ path, kind }) => question(`Which version of ${path} should be kept?`, kind))
      : [question(`Which side should be kept in all ${report.total} files?`, 'all files')],
    detail: { files: report.files, total: report.total, ours, theirs },
  };
}

/** What the answers to the questions of an item choose. */
export function choicesOf({ questions, detail }: ApprovalView, answers: readonly string[][]): ConflictChoice[] {
  const files = detail.files as ConflictReport['files'];
  const isForAll = questions.length === 1 && files.length !== 1;
  return answers.map(([label], index) => ({
    path: isForAll ? null : files[index]!.path,
    side: label === OURS ? OURS : THEIRS,
  }));
}

/** The prompt of the agent that decides. */
export function resolutionPrompt({ blocked, ours, theirs, report }: ConflictItem): string {
  const part = ({ title, intent }: Side) => `## ${title}\n\n${intent}`;
  return [
    `The work of several tasks cannot be merged, and “${blocked}” waits for it. Resolve the conflict in these files: ${filesText(report)}.`,
    'The files have conflict markers where both sides changed the same lines. Keep what both tasks wanted. If that is not possible, keep what serves the whole, and say in your answer what you left out and why. Leave no conflict markers, and change nothing else.',
    `# What the first side was to do\n\n${ours.map(part).join('\n\n')}`,
    `# What the other side was to do\n\n${part(theirs)}`,
  ].join('\n\n');
}
