/** Parses a JSON text; undefined when the text is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A text's bytes in base64. */
export function base64Of(text: string): string {
  let binary = '';
  for (const byte of new TextEncoder().encode(text)) binary += String.fromCharCode(byte);
  return btoa(binary);
}

/** Formats a time in ms since the epoch for the API. */
export function instant(ms: number): string {
  return new Date(ms).toISOString();
}

/** Formats a time that may be missing. See `instant`. */
export function instantOrNull(ms: number | null): string | null {
  return ms === null ? null : instant(ms);
}
