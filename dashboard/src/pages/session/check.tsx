import type { TranscriptItem } from '../../../../src/domain/session/transcript.ts';
import { visible } from '../../../../src/domain/visible-text.ts';
import type { CheckOutcome } from '../../../../src/protocol/session/checks.ts';
import { duration } from '../../ui/format.ts';
import { OutputBlock } from './output-block.tsx';
import { RunBox } from './run-box.tsx';
import { useOpened } from './session-context.ts';

export type CheckItem = Extract<TranscriptItem, { kind: 'check' }>;

const LOOKS: Record<CheckOutcome | 'running', { tone: string; words: string }> = {
  running: { tone: 'text-go', words: 'running' },
  passed: { tone: 'text-go', words: 'passed' },
  failed: { tone: 'text-bad', words: 'failed' },
  timed_out: { tone: 'text-bad', words: 'timed out' },
  interrupted: { tone: 'text-warn', words: 'interrupted' },
  not_started: { tone: 'text-bad', words: 'could not start' },
};

/** A check of a task: its command and how it ended, with its output on request. */
export function Check({ item }: { item: CheckItem }) {
  const look = LOOKS[item.outcome ?? 'running'];
  const isBad = look.tone === 'text-bad';
  const [open, setOpen] = useOpened(`${item.task}/${item.id}`, isBad);
  return (
    <RunBox
      kind={`Check${roundText(item)}`}
      title={visible(item.command)}
      state={checkText(item)}
      tone={look.tone}
      running={item.outcome === null}
      bad={isBad}
      open={open}
      onToggle={() => setOpen(!open)}
      marks={{ 'data-check': item.outcome ?? 'running' }}
    >
      <OutputBlock label="Command" text={item.command} />
      {item.output === '' ? (
        <p className="caps px-3 py-2 text-mute">{item.outcome === null ? 'No output yet' : 'No output'}</p>
      ) : (
        <OutputBlock label="Output" text={item.output} />
      )}
    </RunBox>
  );
}

/** Which round the check belongs to, if that is not the first one. */
export function roundText({ round }: Pick<CheckItem, 'round'>): string {
  if (round === 0) return ', on the merged work';
  return round === 1 ? '' : `, round ${round}`;
}

/** How the check ended, in a few words. */
export function checkText({ outcome, exit_code, ms }: Pick<CheckItem, 'outcome' | 'exit_code' | 'ms'>): string {
  const { words } = LOOKS[outcome ?? 'running'];
  const code = outcome === 'failed' && exit_code !== null ? `: exit code ${exit_code}` : '';
  const took = ms >= 1_000 ? `, ${duration(ms / 1_000)}` : '';
  return words + code + took;
}

export function checkTone({ outcome }: Pick<CheckItem, 'outcome'>): string {
  return LOOKS[outcome ?? 'running'].tone;
}
