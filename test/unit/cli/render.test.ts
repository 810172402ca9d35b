import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { SessionRenderer } from '../../../cli/render.ts';
import { renderDiff } from '../../../cli/render-diff.ts';
import type { EventBody, SessionEvent } from '../../../src/protocol/events/envelope.ts';

const event = (body: EventBody, task = 1): SessionEvent => ({
  from_seq: 1,
  seq: 1,
  at: '2026-11-22T15:04:05.678Z',
  task,
  ...body,
});
const delta = (offset: number, text: string, part_id = 'p') =>
  event({ type: 'text.delta', data: { message_id: 'm', part_id, offset, text } });

function render(...events: SessionEvent[]): string[] {
  const renderer = new SessionRenderer('0198c2f0');
  return events.flatMap((each) => renderer.render(each)).map(stripVTControlCharacters);
}

describe('rendering a session', () => {
  it('shows streamed text in whole lines, and the open line when its part is complete', () => {
    const completed = event({ type: 'part.completed', data: { message_id: 'm', part_id: 'p', length: 11 } });
    expect(render(delta(0, 'one\ntw'))).toEqual(['  one']);
    expect(render(delta(0, 'one\ntw'), delta(6, 'o\nend'), completed)).toEqual(['  one', '  two', '  end']);
  });

  it('shows the output of a command while it runs, and not again when it has ended', () => {
    const call = { message_id: 'm', call_id: 'c', tool: 'bash', input: { command: 'make' } };
    const output = (offset: number, text: string) =>
      event({ type: 'tool.output', data: { message_id: 'm', call_id: 'c', offset, text } });
    const lines = render(
      event({ type: 'tool', data: { ...call, state: 'running' } }),
      output(0, 'one\n'),
      output(4, 'two\n'),
      event({ type: 'tool', data: { ...call, state: 'completed', output: 'one\ntwo\nthree\n' } }),
    );
    expect(lines).toEqual(['▸ bash make', '    one', '    two', '✓ bash make']);
  });

  it('shows a command that failed or was ended as such', () => {
    const tool = (exit_code?: number | null) =>
      event({
        type: 'tool',
        data: {
          message_id: 'm',
          call_id: `${exit_code}`,
          tool: 'bash',
          state: 'completed',
          input: { command: 'make' },
          ...(exit_code === undefined ? {} : { exit_code }),
        },
      });
    expect(render(tool(), tool(0), tool(2), tool(null))).toEqual([
      '✓ bash make',
      '✓ bash make',
      '✗ exit code 2: bash make',
      '✗ ended: bash make',
    ]);
  });

  it('shows text that arrives twice only once', () => {
    expect(render(delta(0, 'one\n'), delta(0, 'one\ntwo\n'), delta(4, 'two\n'))).toEqual(['  one', '  two']);
  });

  it('completes an open line before another part or event', () => {
    const queued = event({ type: 'session.status', data: { from: 'pending', to: 'queued', reason: 'start' } });
    expect(render(delta(0, 'a'), delta(0, 'b\n', 'q'), delta(1, 'c'), queued)).toEqual([
      '  a',
      '  b',
      '  c',
      '● queued',
    ]);
  });

  it('shows a tool call with its subject and the first lines of its output', () => {
    const output = Array.from({ length: 9 }, (_, n) => `line ${n}`).join('\n');
    const tool = { message_id: 'm', call_id: 'c', tool: 'bash', input: { command: 'ls' } };
    const lines = render(
      event({ type: 'tool', data: { ...tool, state: 'running' } }),
      event({ type: 'tool', data: { ...tool, state: 'completed', output } }),
    );
    expect(lines.slice(0, 3)).toEqual(['▸ bash ls', '✓ bash ls', '    line 0']);
    expect(lines.at(-1)).toBe('    … 3 more lines');
  });

  it('shows paths relative to the worktree', () => {
    const input = { filePath: '/data/agent/worktrees/0198c2f0-1/src/a.ts' };
    const data = { message_id: 'm', call_id: 'c', tool: 'write', state: 'completed', input } as const;
    expect(render(event({ type: 'tool', data }))).toEqual(['✓ write src/a.ts']);
  });

  it('names the task when another task continues, and separates parts with the same id', () => {
    const said = (task: number, offset: number, text: string) => ({ ...delta(offset, text), task });
    const status = event({ type: 'session.status', data: { from: 'queued', to: 'running', reason: 'leased' } }, 0);
    expect(render(status, said(1, 0, 'one\n'), said(2, 0, 'two\n'), status, said(2, 4, 'three\n'))).toEqual([
      '● running',
      '  one',
      '· task 2',
      '  two',
      '● running',
      '  three',
    ]);
  });

  it('lists the tasks of a graph with their order, and says to which one each line belongs and how it has ended', () => {
    const task = (number: number, title: string, parent: number | null, ...after: number[]) => {
      const dependency = { dependency_type: 'finish_to_start', is_required: true } as const;
      const depends_on = after.map((other) => ({ task: other, ...dependency }));
      return { number, title, parent, priority: 'normal' as const, depends_on };
    };
    const tasks = [task(2, 'Write a', 1), task(3, 'Join all', 1, 2), task(1, 'The whole', null)];
    const status = (number: number, to: 'completed' | 'in_progress' | 'skipped') =>
      event({ type: 'task.status', data: { from: 'ready', to, epoch: 1, attempt: 1 } }, number);
    const lines = render(
      event({ type: 'graph.changed', data: { version: 1, tasks } }, 0),
      { ...delta(0, 'one\n'), task: 2 },
      ...[status(2, 'in_progress'), status(2, 'completed'), status(3, 'skipped'), status(1, 'completed')],
      event({ type: 'graph.changed', data: { version: 2, tasks: [], removed: [3] } }, 0),
    );
    expect(lines).toEqual([
      '· task 2: Write a',
      '· task 3: Join all (after 2)',
      '· task 1: The whole',
      '· task 2: Write a',
      '  one',
      '· completed task 2: Write a',
      '· skipped task 3: Join all',
      '· removed: task 3',
    ]);
  });

  it('says nothing of the status of the only task of a session', () => {
    const data = { from: 'in_progress', to: 'completed', epoch: 1, attempt: 1 } as const;
    expect(render(event({ type: 'task.status', data }))).toEqual([]);
  });

  it('indents a prompt of several lines, and cuts a long one', () => {
    const text = Array.from({ length: 9 }, (_, line) => `line ${line}`).join('\n');
    const data = { number: 2, text, delivery: 'follow_up', by: 'static' } as const;
    const lines = render(event({ type: 'message.added', data }));
    expect(lines.slice(0, 2)).toEqual(['› line 0', '  line 1']);
    expect(lines.at(-1)).toBe('  … 3 more lines');
  });

  it('names an event of a later version instead of leaving it out', () => {
    const later = event({ type: 'graph.grown', data: {} } as never);
    expect(render(later)).toEqual(['· an event of a newer version: graph.grown']);
  });

  it('says that a report of the agent was invalid', () => {
    const rejected = event({ type: 'frame.rejected', data: { epoch: 1, n: 7, reason: 'not a frame' } });
    expect(render(rejected)).toEqual(['! the session rejected a frame of the agent: not a frame']);
  });

  it('says until when a session waits for its model, and why', () => {
    const data = { attempt: 1, message: 'Too many requests', next_in_ms: 5_400_000 };
    const retry = { ...event({ type: 'model.retry', data }), at: '2026-01-01T10:00:00.000Z' };
    expect(render(retry)).toEqual([
      '! the model failed and will be called again in 1 h 30 min, at 2026-01-01T11:30:00.000Z (attempt 1): Too many requests',
    ]);
  });

  it('shows why a session failed', () => {
    const error = { code: 'model_error', message: 'The model is gone.', retryable: false };
    const failed = event({ type: 'session.status', data: { from: 'running', to: 'failed', reason: 'result', error } });
    expect(render(failed)).toEqual(['● failed The model is gone.']);
  });

  it('says when a session has completed without changing a file', () => {
    const result = { success: true, text: 'All is well.', finish: 'stop', files_changed: 0 };
    const done = event({ type: 'session.status', data: { from: 'running', to: 'completed', reason: 'done', result } });
    expect(render(done)).toEqual(['● completed No files changed.']);
  });

  it('removes an agent’s control sequences, and names other characters that cannot be seen', () => {
    const renderer = new SessionRenderer('0198c2f0');
    const lines = renderer.render(delta(0, 'safe\u001b[2J\u0007\u009b31m\r\n'));
    expect(lines).toEqual(['  safe‹U+0007›']);
  });
});

it('a diff is shown below the list of its files', () => {
  const lines = renderDiff({
    checkpoint: 1,
    base_commit: null,
    files: [{ path: 'a.txt', status: 'added', additions: 1, deletions: 0 }],
    patch: 'diff --git a/a.txt b/a.txt\n@@ -0,0 +1 @@\n+hello\n',
    is_text: true,
    local_only: false,
  }).map(stripVTControlCharacters);
  expect(lines).toEqual(['  added    a.txt +1 -0', '', '  diff --git a/a.txt b/a.txt', '  @@ -0,0 +1 @@', '  +hello']);
});
