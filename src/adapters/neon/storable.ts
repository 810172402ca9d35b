/** Removes the characters that Postgres's `text` cannot store: U+0000 and unpaired surrogates. */
export function storable(text: string): string {
  return text.replaceAll('\u0000', '').toWellFormed();
}
