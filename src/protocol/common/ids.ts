import * as z from 'zod';
import { hexOf } from './hex.ts';
import { type Infer, schema } from './schema.ts';
import { TASK_DIGITS, taskNumber } from './task-number.ts';

export { IMPLICIT_TASK, taskNumber } from './task-number.ts';

/**
 * Session and task ids are UUIDs (RFC 9562, version 8) from which the name of the session's object is computed.
 *
 * ```
 *  48 bits ms | 8 | 12 random | 10 | 14 + 16 random | 32 bits task counter
 * ```
 *
 * The counter of a session id is zero; that of a task id is the task's number in its session. A session's id is
 * therefore the id of any of its tasks with the last eight digits cleared, without an index or a lookup. Nothing
 * depends on the order or the age of ids.
 */
const SESSION_PATTERN = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{4}00000000$/;
const TASK_PATTERN = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

export const SessionId = schema(() =>
  z
    .string()
    .regex(SESSION_PATTERN, 'must be a session id, such as 0198c2f0-1a2b-8c3d-9e4f-5a6b00000000')
    .meta({ id: 'SessionId', description: 'The id of a session.', example: '0198c2f0-1a2b-8c3d-9e4f-5a6b00000000' }),
);
export type SessionId = Infer<typeof SessionId>;

export const TaskId = schema(() =>
  z
    .string()
    .regex(TASK_PATTERN, 'must be a task id, such as 0198c2f0-1a2b-8c3d-9e4f-5a6b00000001')
    .refine((id) => taskNumber(id) > 0, 'must be a task id, such as 0198c2f0-1a2b-8c3d-9e4f-5a6b00000001')
    .meta({ id: 'TaskId', description: 'The id of a task.', example: '0198c2f0-1a2b-8c3d-9e4f-5a6b00000001' }),
);
export type TaskId = Infer<typeof TaskId>;

export const Uuid = schema(() =>
  z.uuid().meta({ id: 'Uuid', description: 'A UUID (RFC 9562).', example: '3f0e1f5e-8a52-4f0c-9d0b-0d6f3a1b2c3d' }),
);

export const WorkspaceId = schema(() =>
  z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'must be 1–63 lower-case letters, digits and dashes')
    .meta({ id: 'WorkspaceId', description: 'A tenant.', example: 'default' }),
);
export type WorkspaceId = Infer<typeof WorkspaceId>;

/** In place of a task's number, in an event about the session as a whole. */
export const WHOLE_SESSION = 0;

/**
 * Builds the id of a session.
 * @param leading the first 48 bits: milliseconds since the epoch, or any 6 bytes for a derived id
 * @param random 6 bytes, of which 42 bits are used
 */
export function sessionIdFrom(leading: Uint8Array, random: Uint8Array): SessionId {
  if (leading.length !== 6 || random.length !== 6) throw new RangeError('a session id is made from 6 + 6 bytes');
  const bytes = new Uint8Array(16);
  bytes.set(leading, 0);
  bytes.set(random, 6);
  bytes[6] = 0x80 | (bytes[6]! & 0x0f);
  bytes[8] = 0x80 | (bytes[8]! & 0x3f);
  const hex = hexOf(bytes);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** A time in milliseconds as 6 bytes, most significant first. */
export function timeBytes(ms: number): Uint8Array {
  const bytes = new Uint8Array(6);
  let rest = Math.trunc(ms);
  for (let i = 5; i >= 0; i--) {
    bytes[i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  return bytes;
}

/** The id of task `number` (1 … 2³²−1) of a session. */
export function taskIdOf(session: SessionId, number: number): TaskId {
  if (!Number.isInteger(number) || number < 1 || number > 0xffff_ffff) throw new RangeError(`no task ${number}`);
  return session.slice(0, -TASK_DIGITS) + number.toString(16).padStart(TASK_DIGITS, '0');
}

/** The session that a task belongs to. */
export function sessionOfTask(task: TaskId): SessionId {
  return task.slice(0, -TASK_DIGITS) + '0'.repeat(TASK_DIGITS);
}
