import { clsx } from 'clsx';
import type { TranscriptItem } from '../../../../src/domain/session/transcript.ts';
import { visible } from '../../../../src/domain/visible-text.ts';
import type { CheckOutcome } from '../../../../src/protocol/session/checks.ts';
import { duration } from '../../ui/format.ts';
import { OutputBlock } from './output-block.tsx';
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
    <div data-check={item.outcome ?? 'running'} className={clsx('border-2', isBad ? 'border-bad' : 'border-ink')}>
      <button
        type="button"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
        className={clsx(
          'flex w-full items-center gap-3 px-3 py-1.5 text-left',
          isBad ? 'bg-bad-soft' : 'bg-shade',
          open && 'border-b-2 border-inherit',
        )}
      >
        <span aria-hidden="true" className="caps">
          {open ? '−' : '+'}
        </span>
        <span className="caps shrink-0">Check{roundText(item)}</span>
        <span className="min-w-0 flex-1 truncate font-mono text-xs">{visible(item.command)}</span>
        <span className={clsx('caps flex shrink-0 items-center gap-1.5', look.tone)}>
          {item.outcome === null && <span aria-hidden="true" className="blink size-2 bg-current" />}
          {checkText(item)}
        </span>
      </button>
      {open && (
        <div className="divide-y-2 divide-faint">
          <OutputBlock label="Command" text={item.command} />
          {item.output === '' ? (
            <p className="caps px-3 py-2 text-mute">{item.outcome === null ? 'No output yet' : 'No output'}</p>
          ) : (
            <OutputBlock label="Output" text={item.output} />
          )}
        </div>
      )}
    </div>
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
