import { useMutation } from '@tanstack/react-query';
import { useContext } from 'react';
import { callIdOf, type TranscriptItem } from '../../../../src/domain/session/transcript.ts';
import { visible } from '../../../../src/domain/visible-text.ts';
import type { ToolState } from '../../../../src/protocol/events/agent.ts';
import { useClient } from '../../data/api.tsx';
import { Button } from '../../ui/button.tsx';
import { duration } from '../../ui/format.ts';
import { ErrorNotice } from '../../ui/notice.tsx';
import { OutputBlock } from './output-block.tsx';
import { RunBox } from './run-box.tsx';
import { SessionContext, useOpened } from './session-context.ts';

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
  const { mayOperate, waits } = useContext(SessionContext);
  const input = inputText(item.input, item.title);
  const short = input.length + item.output.length <= SHORT_CHARS;
  const running = item.state === 'running';
  const canEnd = running && item.tool === 'bash' && mayOperate && !(waits && item.output === '');
  const failed = item.state === 'error' || (item.exit_code !== undefined && item.exit_code !== 0);
  const [open, setOpen] = useOpened(item.id, short || failed || running);
  return (
    <RunBox
      kind={item.tool}
      title={visible(item.title || firstLine(input))}
      state={stateText(item)}
      tone={failed ? 'text-bad' : TONES[item.state]}
      running={running}
      bad={failed}
      open={open}
      onToggle={() => setOpen(!open)}
      marks={{ 'data-tool': item.tool, 'data-state': item.state }}
      footer={canEnd && <EndCommand item={item} />}
    >
      {input && <OutputBlock label="Input" text={input} />}
      {item.output && <OutputBlock label={item.truncated ? 'Output (truncated)' : 'Output'} text={item.output} />}
      {item.error && <OutputBlock label="Error" text={item.error} tone="text-bad" />}
      {item.state === 'completed' && !item.output && <p className="caps px-3 py-2 text-mute">No output</p>}
    </RunBox>
  );
}

/** Ends the command, and not the turn: the agent goes on without it. */
function EndCommand({ item }: { item: ToolItem }) {
  const { id } = useContext(SessionContext);
  const client = useClient();
  const end = useMutation({ mutationFn: () => client.sessions.endTools(id, { call_id: callIdOf(item) }) });
  return (
    <div className="flex flex-wrap items-center gap-3 border-t-2 border-faint px-3 py-2">
      <Button look="danger" className="min-h-8! py-0!" busy={end.isPending} onClick={() => end.mutate()}>
        End this command
      </Button>
      <p role="status" className="text-xs text-mute">
        {end.isSuccess ? 'The agent was asked to end it.' : 'The agent goes on without it.'}
      </p>
      {end.isError && <ErrorNotice error={end.error} />}
    </div>
  );
}

function stateText(item: ToolItem): string {
  const { state, exit_code, at, ended_at } = item;
  const seconds = at && ended_at ? (Date.parse(ended_at) - Date.parse(at)) / 1_000 : 0;
  const took = seconds >= 1 ? `, ${duration(seconds)}` : '';
  if (state !== 'completed') return state + took;
  if (exit_code === null) return `ended${took}`;
  return (exit_code === undefined || exit_code === 0 ? 'done' : `failed: exit code ${exit_code}`) + took;
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
