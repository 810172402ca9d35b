/** The numbers of tasks, without schemas, so that browsers need not load zod for them. */

/** The number of a session's implicit task. */
export const IMPLICIT_TASK = 1;

/** The last hexadecimal digits of a task's id are its number. */
export const TASK_DIGITS = 8;

/** The number of a task in its session; 0 for a session's own id. */
export function taskNumber(id: string): number {
  return Number.parseInt(id.slice(-TASK_DIGITS), 16);
}
