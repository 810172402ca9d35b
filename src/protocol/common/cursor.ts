/** A place in a session's log: which life of the log, and up to where it has been read. */
export interface Cursor {
  incarnation: string;
  seq: number;
}

export const CURSOR_PATTERN = /^([0-9a-f]{8})\.(\d{1,15})$/;

/** Reads `<incarnation>.<seq>`; null when the text is no cursor. */
export function parseCursor(text: string): Cursor | null {
  const match = CURSOR_PATTERN.exec(text);
  return match ? { incarnation: match[1]!, seq: Number(match[2]) } : null;
}

export function formatCursor(cursor: Cursor): string {
  return `${cursor.incarnation}.${cursor.seq}`;
}
