import { stripVTControlCharacters } from 'node:util';

/** How much longer than the result the kept ends are, because colours and progress bars are removed from them. */
const SPARE = 4;

/**
 * The beginning and the end of an output of any length, as plain text. What is left out is whole lines, or else whole
 * words, so that no secret is cut in two before it is masked.
 */
export class BoundedOutput {
  readonly #headChars: number;
  readonly #tailChars: number;
  #head = '';
  #tail = '';
  #total = 0;

  constructor({ headChars, tailChars }: { headChars: number; tailChars: number }) {
    this.#headChars = headChars;
    this.#tailChars = tailChars;
  }

  add(text: string): void {
    this.#total += text.length;
    const toHead = Math.max(0, SPARE * this.#headChars - this.#head.length);
    this.#head += text.slice(0, toHead);
    if (text.length > toHead) this.#tail = (this.#tail + text.slice(toHead)).slice(-SPARE * this.#tailChars);
  }

  /** At most `headChars + tailChars` and a line that says how much is left out. */
  text(): string {
    const isWhole = this.#head.length + this.#tail.length === this.#total;
    const [head, tail] = isWhole ? [plain(this.#head + this.#tail), ''] : [plain(this.#head), plain(this.#tail)];
    if (isWhole && head.length <= this.#headChars + this.#tailChars) return head.trimEnd();
    const first = beginningOf(head, this.#headChars);
    const last = endOf(isWhole ? head : tail, this.#tailChars);
    const left = isWhole ? head.length - first.length - last.length : this.#total - first.length - last.length;
    return `${first}[${left.toLocaleString('en')} characters left out]\n${last}`.trimEnd();
  }
}

/** Without colours, without what a progress bar has overwritten, and with U+FFFD for other control characters. */
export function plain(text: string): string {
  return stripVTControlCharacters(text)
    .replaceAll('\r\n', '\n')
    .replaceAll(/[^\n]*\r/g, '')
    .replaceAll(/[^\P{Cc}\n\t]/gu, '\uFFFD');
}

function beginningOf(text: string, chars: number): string {
  if (text.length <= chars) return text === '' || text.endsWith('\n') ? text : `${text}\n`;
  const cut = text.slice(0, chars);
  const line = cut.lastIndexOf('\n');
  if (line !== -1) return cut.slice(0, line + 1);
  const word = cut.search(/\s\S*$/);
  return word === -1 ? '' : `${cut.slice(0, word)}\n`;
}

function endOf(text: string, chars: number): string {
  if (text.length <= chars) return text;
  const cut = text.slice(-chars);
  const line = cut.indexOf('\n');
  if (line !== -1 && line < cut.length - 1) return cut.slice(line + 1);
  const word = cut.search(/\s\S/);
  return word === -1 ? '' : cut.slice(word + 1);
}
