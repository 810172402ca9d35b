export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Writes one structured line. Fields must not contain tokens, bodies or users' texts. */
export type Logger = (level: LogLevel, event: string, fields: Record<string, unknown>) => void;

/** A logger that adds `bound` to each line. */
export function boundLogger(logger: Logger, bound: Record<string, unknown>): Logger {
  return (level, event, fields) => logger(level, event, { ...bound, ...fields });
}

/** A longer chain of causes is assumed to be circular. */
const CAUSES_MAX = 5;

/**
 * Converts a thrown value to the fields of a line: name, message and stack, and its causes, outermost first.
 * @example logger('error', 'alarm_failed', errorFields(error))
 */
export function errorFields(thrown: unknown): {
  error: { name: string; message: string; stack?: string; causes?: string[] };
} {
  if (!(thrown instanceof Error)) return { error: { name: typeof thrown, message: String(thrown) } };
  const causes: string[] = [];
  for (let cause = thrown.cause; cause !== undefined && causes.length < CAUSES_MAX; ) {
    causes.push(String(cause));
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  const { name, message, stack } = thrown;
  return { error: { name, message, ...(stack && { stack }), ...(causes.length > 0 && { causes }) } };
}
