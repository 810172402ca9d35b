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

/** Whether a text has a control character, such as NUL or a line break. */
export function hasControls(text: string): boolean {
  return /\p{Cc}/u.test(text);
}

/** The number of characters of a text that leave a mark on a page: no blanks, and none without a width. */
export function visibleLength(text: string): number {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Z}\p{M}]/gu, '').length;
}
