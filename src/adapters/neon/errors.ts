import { Rejected } from '../../ports/rejected.ts';

/**
 * SQLSTATE classes for values that Postgres will never accept, however often they are sent: data exceptions and
 * violated constraints. Every other error may be temporary. For example, the migrations will create a missing table
 * (42P01).
 *
 * https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const REJECTED_CLASSES = ['22', '23'];

/** The SQLSTATE of the driver's error, which drizzle may have wrapped in another one; null when it has none. */
function sqlState(error: unknown): string | null {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ('code' in cause && typeof cause.code === 'string' && /^[0-9A-Z]{5}$/.test(cause.code)) return cause.code;
  }
  return null;
}

/**
 * Runs a query.
 * @throws Rejected when Postgres rejects the values; any other error when Postgres is not available now. Messages do not
 *   contain the query's values, because messages are logged and the values are users' texts.
 */
export async function classified<T>(query: PromiseLike<T>): Promise<T> {
  try {
    return await query;
  } catch (error) {
    const state = sqlState(error);
    if (state === null || !REJECTED_CLASSES.includes(state.slice(0, 2))) {
      throw new Error(`Postgres is not available: ${rootOf(error).message}`, { cause: error });
    }
    throw new Rejected(`Postgres rejected the row (SQLSTATE ${state})`, { cause: error });
  }
}

/** The driver's own error. Drizzle wraps it in an error whose message quotes the query with its values. */
function rootOf(error: unknown): Error {
  let root = error instanceof Error ? error : new Error(String(error));
  while (root.cause instanceof Error) root = root.cause;
  return root;
}
