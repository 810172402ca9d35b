import type { AgentFrameBody } from '../../src/protocol/run/frames.ts';
import type { ModelFailure } from '../opencode/mapping/mapping.ts';
import type { CheckpointData } from './checkpoints.ts';
import type { ConversationMessage } from './opencode-port.ts';
import { type Restoration, workLost } from './restoration.ts';

type Status = Extract<AgentFrameBody, { type: 'result' }>['data']['status'];

/** The model's last answer. `finish`: why the model ended it, as OpenCode says; null when that is not known. */
export interface Answer {
  text: string;
  finish: string | null;
}

/** What a run has to show for itself. */
export interface Evidence {
  answer: Answer;
  /** Whether the files are other ones than at the last result. */
  hasChanged: boolean;
  restoration: Restoration;
  /** The newest checkpoint, which the session has stored. */
  checkpoint: Pick<CheckpointData, 'local_only' | 'lacks'> | null;
}

export interface Verdict {
  status: Status;
  error: ModelFailure | null;
}

/** The finish of an answer that the model meant to be its last words. */
const TERMINAL = 'stop';

/** The last answer. A call that broke off and was repeated can leave an empty part in it, which says nothing. */
export function answerIn(messages: readonly ConversationMessage[]): Answer {
  const last = messages.findLast(({ info }) => info.role === 'assistant');
  const texts = (last?.parts ?? []).flatMap((part) => (part.type === 'text' && part.text !== '' ? [part.text] : []));
  const text = texts.join('\n');
  return { text, finish: (last?.info.role === 'assistant' ? last.info.finish : null) ?? null };
}

/** Whether the answer says anything. Reasoning alone is no answer. */
export function hasText({ text }: Answer): boolean {
  return text.trim() !== '';
}

/**
 * A run is completed only if the model ended its answer by itself, gave a text or changed files, and all of its work is
 * in a checkpoint. Otherwise the error says what is missing.
 */
export function judge(evidence: Evidence): Verdict {
  const { answer, hasChanged, restoration } = evidence;
  if (!hasText(answer) && !hasChanged) return { status: 'failed', error: noAnswer(answer) };
  const missing = [cutOff(answer), workLost(restoration), notSaved(evidence)].filter((error) => error !== null);
  const [first] = missing;
  if (first === undefined) return { status: 'completed', error: null };
  return { status: 'partial', error: { ...first, message: missing.map(({ message }) => message).join(' ') } };
}

function noAnswer({ finish }: Answer): ModelFailure {
  const message = `The model gave no answer: no text and no change of a file (it ended with ${spelled(finish)}).`;
  return { code: 'no_answer', message, retryable: true };
}

function cutOff({ finish }: Answer): ModelFailure | null {
  if (finish === TERMINAL) return null;
  const cause = finish === 'length' ? 'it reached the length limit of the model' : `it ended with ${spelled(finish)}`;
  const message = `The answer is not whole: ${cause}. Send a message, such as "Go on", to have the rest.`;
  return { code: 'answer_cut_off', message, retryable: true };
}

/** Work in this lease that its checkpoint does not hold. */
function notSaved({ checkpoint, restoration }: Evidence): ModelFailure | null {
  const gone = restoration.type === 'whole' ? [] : restoration.gone;
  const own = (checkpoint?.lacks ?? []).filter((what) => !gone.includes(what));
  const unsaved = checkpoint?.local_only ? ['the changes of files, which are too large', ...own] : own;
  if (unsaved.length === 0) return null;
  const message = `The checkpoint does not hold all of the work, which stays on the agent's machine: ${unsaved.join('; ')}.`;
  return { code: 'work_not_saved', message, retryable: false };
}

const spelled = (finish: string | null) => (finish === null ? 'no reason' : `"${finish}"`);
