/**
 * The text, or its beginning with an ellipsis if it is longer than `maxChars` UTF-16 code units. Never splits a
 * surrogate pair, since half of one is no valid Unicode and breaks strict readers of JSON.
 *
 * @example truncated('A long title', 7) // 'A long…'
 */
export function truncated(text: string, maxChars: number): string {
  if (text.length <= maxChars) return text;
  return `${text.slice(0, cutPoint(text, maxChars - 1))}…`;
}

/** The position `at`, or the one before it if `at` would split a surrogate pair. */
export function cutPoint(text: string, at: number): number {
  const unit = text.charCodeAt(at - 1);
  return at < text.length && unit >= 0xd800 && unit <= 0xdbff ? at - 1 : at;
}
