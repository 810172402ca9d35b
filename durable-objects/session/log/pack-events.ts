import type { SessionState, TaskState } from '../../../src/domain/session/session-state.ts';
import type { TranscriptItem } from '../../../src/domain/session/transcript.ts';
import type { SessionStatus, TaskStatus } from '../../../src/protocol/common/enums.ts';
import { IMPLICIT_TASK, WHOLE_SESSION } from '../../../src/protocol/common/ids.ts';
import type { SessionEvent } from '../../../src/protocol/events/envelope.ts';
import type { ObjectPlatform } from '../../kit/platform/platform.ts';
import { slices } from '../../kit/storage/text-parts.ts';
import { instant } from '../../kit/text.ts';
import { rowsOf } from './event-rows.ts';

/** An event of the first release, which stored each event in a separate row and without a task. */
type OldRow = { seq: number; from_seq: number; at: number; type: string; data: string };

/** The folded state of the first release: one agent, one model and one to-do list. */
type OldState = Omit<SessionState, 'status' | 'transcript' | 'tasks'> &
  Pick<TaskState, 'agent' | 'model' | 'todo'> & {
    status: keyof typeof TASK_STATUS;
    transcript: Omit<TranscriptItem, 'task'>[];
  };

const ROWS_AT_A_TIME = 500;

/** A migration step: packs the log of the first release, where each event had a row, and names the task in its base. */
export function packEvents(platform: ObjectPlatform): void {
  platform.exec(
    `CREATE TABLE event_batches (
       seq INTEGER PRIMARY KEY, from_seq INTEGER NOT NULL, at INTEGER NOT NULL, task INTEGER NOT NULL,
       epoch INTEGER, acked INTEGER, chars INTEGER NOT NULL, events TEXT NOT NULL
     )`,
    [],
  );
  for (let last = 0, more = true; more; ) {
    const old = platform.exec(`SELECT seq, from_seq, at, type, data FROM events WHERE seq > ? ORDER BY seq LIMIT ?`, [
      last,
      ROWS_AT_A_TIME,
    ]) as OldRow[];
    for (const commit of commitsOf(old)) {
      for (const row of rowsOf(commit.map(toEvent), commit[0]!.at)) {
        platform.exec(`INSERT INTO event_batches (seq, from_seq, at, task, chars, events) VALUES (?, ?, ?, ?, ?, ?)`, [
          row.seq,
          row.from_seq,
          row.at,
          row.task,
          row.chars,
          row.events,
        ]);
      }
    }
    last = old.at(-1)?.seq ?? last;
    more = old.length === ROWS_AT_A_TIME;
  }
  platform.exec(`DROP TABLE events`, []);
  nameTaskInBase(platform);
}

/** The events of the same millisecond: those of one commit, or of neighboring commits. */
function commitsOf(rows: readonly OldRow[]): OldRow[][] {
  const commits: OldRow[][] = [];
  for (const row of rows) {
    const last = commits.at(-1);
    if (last?.[0]?.at === row.at) last.push(row);
    else commits.push([row]);
  }
  return commits;
}

function toEvent({ seq, from_seq, at, type, data: json }: OldRow): SessionEvent {
  const task = type.startsWith('session.') ? WHOLE_SESSION : IMPLICIT_TASK;
  const { task_id: _, ...data } = JSON.parse(json);
  return { from_seq, seq, at: instant(at), task, type, data } as SessionEvent;
}

function nameTaskInBase(platform: ObjectPlatform): void {
  const parts = platform.exec(`SELECT data FROM log_base ORDER BY part`, []);
  if (parts.length === 0) return;
  const { agent, model, todo, ...old } = JSON.parse(parts.map(({ data }) => data).join('')) as OldState;
  const transcript = old.transcript.map((item) => ({
    ...item,
    task: item.kind === 'status' ? WHOLE_SESSION : IMPLICIT_TASK,
  }));
  const task: TaskState = { status: TASK_STATUS[old.status], agent, model, todo, usage: old.usage };
  const state = { ...old, transcript, tasks: { [IMPLICIT_TASK]: task } };
  platform.exec(`DELETE FROM log_base`, []);
  slices(JSON.stringify(state)).forEach((slice, part) => {
    platform.exec(`INSERT INTO log_base (part, data) VALUES (?, ?)`, [part, slice]);
  });
}

/** The status of the first release's one task, by the session's status. The base of that release did not have it. */
const TASK_STATUS = {
  pending: 'pending',
  queued: 'ready',
  running: 'in_progress',
  degraded: 'in_progress',
  orphaned: 'pending',
  paused: 'paused',
  stopped: 'paused',
  completed: 'completed',
  partially_completed: 'completed',
  failed: 'failed',
  timeout: 'failed',
  cancelled: 'cancelled',
} as const satisfies Partial<Record<SessionStatus, TaskStatus>>;
