import { Rejected } from '../../ports/rejected.ts';

/**
 * SQLSTATE classes of values that this database will never take, whoever sends them again: data exceptions and
 * violated constraints. Everything else may pass by itself: a table that is not there yet (42P01) comes with the
 * migrations.
 *
 * https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const REJECTED_CLASSES = ['22', '23'];

/** The SQLSTATE in an error of the driver, or in one that drizzle wrapped around it. */
function sqlState(error: unknown): string | null {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ('code' in cause && typeof cause.code === 'string' && /^[0-9A-Z]{5}$/.test(cause.code)) return cause.code;
  }
  return null;
}

/**
 * Runs a query.
 * @throws Rejected when Postgres refuses its values; anything else that is thrown means 'not available now'. Neither
 *   message holds the query's values, which are other people's text: messages end in logs.
 */
export async function classified<T>(query: PromiseLike<T>): Promise<T> {
  try {
    return await query;
  } catch (error) {
    const state = sqlState(error);
    if (state === null || !REJECTED_CLASSES.includes(state.slice(0, 2))) {
      throw new Error(`Postgres is not available: ${rootOf(error).message}`, { cause: error });
    }
    throw new Rejected(`Postgres refuses the row (${state})`, { cause: error });
  }
}

/** The driver's own error: drizzle wraps it in one that quotes the query with its values. */
function rootOf(error: unknown): Error {
  let root = error instanceof Error ? error : new Error(String(error));
  while (root.cause instanceof Error) root = root.cause;
  return root;
}
