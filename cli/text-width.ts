const GRAPHEMES = new Intl.Segmenter('en', { granularity: 'grapheme' });
/** What a terminal shows in two columns: East Asian letters, full-width forms, and emoji. */
const WIDE =
  /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}\p{sc=Bopomofo}\p{Emoji_Presentation}\u3000-\u303e\uff01-\uff60\uffe0-\uffe6]|\ufe0f/u;
const ELLIPSIS = '…';

/** The number of columns that a line of text takes on a terminal. */
export function widthOf(text: string): number {
  let width = 0;
  for (const { segment } of GRAPHEMES.segment(text)) width += widthOfGrapheme(segment);
  return width;
}

/**
 * A text in at most so many columns. If it is longer, it ends with an ellipsis.
 *
 * @example cut('say hello', 6) // 'say h…'
 */
export function cut(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  let kept = '';
  let left = columns - widthOf(ELLIPSIS);
  for (const { segment } of GRAPHEMES.segment(text)) {
    left -= widthOfGrapheme(segment);
    if (left < 0) break;
    kept += segment;
  }
  return `${kept.trimEnd()}${ELLIPSIS}`;
}

/** A mark without a letter before it has the width of a letter. */
function widthOfGrapheme(grapheme: string): number {
  return WIDE.test(grapheme) ? 2 : 1;
}
