import type { Log, LogLevel } from '../ports/log.ts';

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

/** Writes each line as one JSON object to the console, which is the platform's log. */
export function consoleLog(lowest: string | undefined): Log {
  const threshold = Math.max(0, LEVELS.indexOf((lowest ?? 'info') as LogLevel));
  return (level, event, fields) => {
    if (LEVELS.indexOf(level) < threshold) return;
    console[level](JSON.stringify({ level, event, ...fields }));
  };
}
