/** A position in a session's log: the log's incarnation, and the last sequence number that was read. */
export interface Cursor {
  incarnation: string;
  seq: number;
}

export const CURSOR_PATTERN = /^([0-9a-f]{8})\.(\d{1,15})$/;

/** Parses `<incarnation>.<seq>`; null when the text is not a cursor. */
export function parseCursor(text: string): Cursor | null {
  const match = CURSOR_PATTERN.exec(text);
  return match ? { incarnation: match[1]!, seq: Number(match[2]) } : null;
}

export function formatCursor(cursor: Cursor): string {
  return `${cursor.incarnation}.${cursor.seq}`;
}
