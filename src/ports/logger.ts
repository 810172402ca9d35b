export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Writes one structured line. Fields must not contain tokens, bodies or users' texts. */
export type Logger = (level: LogLevel, event: string, fields: Record<string, unknown>) => void;
