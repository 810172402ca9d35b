import { widthOf } from './text-width.ts';

/** A narrower second column would be harder to read than lines that the terminal breaks. */
const MIN_WRAP_WIDTH = 24;

/**
 * Terms and what they mean, in two columns. On a terminal, a long meaning continues in its column.
 *
 * @param width columns of the terminal; undefined for a pipe
 */
export function definitions(
  entries: readonly (readonly [term: string, meaning: string])[],
  width: number | undefined = process.stdout.columns || undefined,
): string[] {
  const indent = Math.max(...entries.map(([term]) => widthOf(term))) + 4;
  return entries.map(([term, meaning]) => {
    const start = `  ${term}${' '.repeat(indent - 2 - widthOf(term))}`;
    return hanging(start, meaning, indent, width);
  });
}

/** A form of a command line. On a terminal, it breaks between its parts. */
export function usageLine(form: string, width: number | undefined = process.stdout.columns || undefined): string {
  return hanging('  ', form, 6, width);
}

/** Paragraphs, one a line, which begin with their indentation. On a terminal, they break between words. */
export function paragraphs(text: string, width: number | undefined = process.stdout.columns || undefined): string {
  const indent = (line: string) => line.length - line.trimStart().length;
  return text
    .split('\n')
    .map((line) => hanging(' '.repeat(indent(line)), line.trimStart(), indent(line), width))
    .join('\n');
}

/** Breaks a text before words that pass the width. What is in brackets stays together. */
function hanging(start: string, text: string, indent: number, width: number | undefined): string {
  const whole = start + text;
  if (width === undefined || widthOf(whole) <= width || width - indent < MIN_WRAP_WIDTH) return whole;
  const lines = [start];
  for (const word of text.match(/\[[^\]]*\]\S*|\S+/g) ?? []) {
    const line = lines.at(-1) ?? '';
    const isFirst = line === start;
    const longer = isFirst ? line + word : `${line} ${word}`;
    if (isFirst || widthOf(longer) <= width) lines[lines.length - 1] = longer;
    else lines.push(' '.repeat(indent) + word);
  }
  return lines.join('\n');
}
