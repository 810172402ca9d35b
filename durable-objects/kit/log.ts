export type LogLevel = 'info' | 'warn' | 'error';

/** One JSON line. Fields never hold tokens, prompts or other people's text. */
export function log(level: LogLevel, event: string, fields: Record<string, unknown> = {}): void {
  console[level === 'info' ? 'log' : level](JSON.stringify({ level, event, ...fields }));
}
