import type { SqlRow, SqlValue } from '../../durable-objects/kit/platform/platform.ts';
import { NodePlatform } from './node-platform.ts';

/** What the statements of a step have read. */
export interface Reading {
  rows: number;
  /** The length of all texts, in UTF-16 code units. */
  chars: number;
}

/** A platform that measures what statements return to the object. */
export class MeasuredPlatform extends NodePlatform {
  #read: Reading = { rows: 0, chars: 0 };

  override exec(query: string, bindings: SqlValue[]): SqlRow[] {
    const rows = super.exec(query, bindings);
    this.#read.rows += rows.length;
    for (const row of rows) {
      for (const value of Object.values(row)) if (typeof value === 'string') this.#read.chars += value.length;
    }
    return rows;
  }

  /** What was read since the last call. */
  take(): Reading {
    const read = this.#read;
    this.#read = { rows: 0, chars: 0 };
    return read;
  }
}
