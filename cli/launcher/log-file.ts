import { appendFileSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** One JSON line of a log. A line with `notice` is also shown on the terminal. */
export interface LogLine {
  time: string;
  level: 'debug' | 'info' | 'warn' | 'error';
  process: string;
  message: string;
  notice?: boolean;
  [field: string]: unknown;
}

const rotateAtBytes = 16 * 1024 * 1024;

/**
 * A log of JSON lines. It is rotated at 16 MiB and keeps one older file, so that it never exceeds 32 MiB. The file is
 * created at once, so that it exists even if the process ends before it writes a line.
 */
export class LogFile {
  readonly path: string;
  #size: number;

  constructor(path: string) {
    this.path = path;
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    appendFileSync(path, '', { mode: 0o600 });
    this.#size = statSync(path).size;
  }

  write(line: LogLine): void {
    const text = `${JSON.stringify(line)}\n`;
    if (this.#size + text.length > rotateAtBytes) {
      renameSync(this.path, `${this.path}.1`);
      this.#size = 0;
    }
    appendFileSync(this.path, text, { mode: 0o600 });
    this.#size += Buffer.byteLength(text);
  }
}

/** Converts one line of a child's output: JSON stays as it is, other text becomes a message. */
export function toLogLine(
  text: string,
  source: { process: string; stream: 'stdout' | 'stderr'; time: string },
): LogLine {
  const level = source.stream === 'stderr' ? 'warn' : 'info';
  return { time: source.time, level, process: source.process, message: '', ...parseFields(text) };
}

function parseFields(text: string): Record<string, unknown> {
  if (!text.startsWith('{')) return { message: text };
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return { message: text };
  }
}
