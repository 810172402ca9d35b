import type { Logger, LogLevel } from '../ports/logger.ts';

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

/**
 * Writes each line as one JSON object to the console, which is the platform's log. Lines below `lowest` are dropped.
 */
export function consoleLogger(lowest: LogLevel): Logger {
  const threshold = LEVELS.indexOf(lowest);
  return (level, event, fields) => {
    if (LEVELS.indexOf(level) < threshold) return;
    console[level](JSON.stringify({ level, event, ...fields }));
  };
}
