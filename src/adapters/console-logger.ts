import type { Logger, LogLevel } from '../ports/logger.ts';

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

/** Writes each line as one JSON object to the console, which is the platform's log. */
export function consoleLogger(lowest: string | undefined): Logger {
  const threshold = Math.max(0, LEVELS.indexOf((lowest ?? 'info') as LogLevel));
  return (level, event, fields) => {
    if (LEVELS.indexOf(level) < threshold) return;
    console[level](JSON.stringify({ level, event, ...fields }));
  };
}
