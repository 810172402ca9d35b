import { clsx } from 'clsx';
import { useState } from 'react';
import type { TranscriptItem } from '../../../../src/domain/session/transcript.ts';
import type { ToolState } from '../../../../src/protocol/events/agent.ts';

type ToolItem = Extract<TranscriptItem, { kind: 'tool' }>;

const TONES: Record<ToolState, string> = {
  pending: 'text-wait',
  running: 'text-go',
  completed: 'text-mute',
  error: 'text-bad',
};
/** Calls up to this length are expanded at first. */
const SHORT_CHARS = 400;

/** A tool call with its input and output. */
export function ToolCall({ item }: { item: ToolItem }) {
  const [chosen, setChosen] = useState<boolean | null>(null);
  const input = inputText(item.input, item.title);
  const short = input.length + item.output.length <= SHORT_CHARS;
  const failed = item.state === 'error' || (item.exit_code !== undefined && item.exit_code !== 0);
  const open = chosen ?? (short || failed);
  return (
    <div
      data-tool={item.tool}
      data-state={item.state}
      className={clsx('border-2', failed ? 'border-bad' : 'border-ink')}
    >
      <button
        type="button"
        aria-expanded={open}
        onClick={() => setChosen(!open)}
        className={clsx(
          'flex w-full items-center gap-3 bg-shade px-3 py-1.5 text-left',
          open && 'border-b-2 border-inherit',
        )}
      >
        <span aria-hidden="true" className="caps">
          {open ? '−' : '+'}
        </span>
        <span className="caps shrink-0">{item.tool}</span>
        <span className="min-w-0 flex-1 truncate font-mono text-xs">{item.title || firstLine(input)}</span>
        <span className={clsx('caps flex shrink-0 items-center gap-1.5', failed ? 'text-bad' : TONES[item.state])}>
          {item.state === 'running' && <span aria-hidden="true" className="blink size-2 bg-current" />}
          {stateText(item)}
        </span>
      </button>
      <div hidden={!open} className="divide-y-2 divide-faint">
        {input && <Block label="Input" text={input} />}
        {item.output && <Block label={item.truncated ? 'Output (truncated)' : 'Output'} text={item.output} />}
        {item.error && <Block label="Error" text={item.error} tone="text-bad" />}
        {item.state === 'completed' && !item.output && <p className="caps px-3 py-2 text-mute">No output</p>}
      </div>
    </div>
  );
}

function stateText({ state, exit_code }: ToolItem): string {
  if (state !== 'completed') return state;
  if (exit_code === null) return 'ended';
  return exit_code === undefined || exit_code === 0 ? 'done' : `exit code ${exit_code}`;
}

function Block({ label, text, tone }: { label: string; text: string; tone?: string }) {
  return (
    <div className="px-3 py-2">
      <p className="caps text-mute">{label}</p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable element must be reachable by keyboard */}
      <pre tabIndex={0} className={clsx('mt-1 max-h-96 overflow-auto font-mono text-xs/5 whitespace-pre-wrap', tone)}>
        {text}
      </pre>
    </div>
  );
}

/** The input as text: the command first, then the other members. A path is shown as in the title. */
function inputText(input: Record<string, unknown>, title: string): string {
  const { command, description: _said, ...rest } = input;
  const lines = Object.entries(rest).map(([name, value]) => {
    const path = title !== '' && typeof value === 'string' && value.endsWith(`/${title}`);
    const text = path ? title : typeof value === 'string' ? value : JSON.stringify(value, null, 2);
    return text.includes('\n') ? `${name}:\n${text}` : `${name}: ${text}`;
  });
  return [...(typeof command === 'string' ? [`$ ${command}`] : []), ...lines].join('\n');
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0]!;
}
