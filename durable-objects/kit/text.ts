/** The value of a JSON text; undefined when it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A time in ms since the epoch as the API shows it. */
export function instant(ms: number): string {
  return new Date(ms).toISOString();
}
