export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Writes one structured line. Fields never hold tokens, bodies or other people's text. */
export type Logger = (level: LogLevel, event: string, fields: Record<string, unknown>) => void;
