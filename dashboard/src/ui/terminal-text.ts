import { type Color, createAnsiSequenceParser, type ParseToken } from 'ansi-sequence-parser';
import { visible } from '../../../src/domain/visible-text.ts';

/** A piece of a terminal's output, with the classes of its look. */
export interface TerminalPiece {
  text: string;
  look: string;
}

/** Control sequences that are not about looks: movements, titles, links. A page has no cursor to move. */
const MOVEMENTS =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  /\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)|\u001b\[[0-?]*[ -/]*[@-ln-~]|\u001b[ -/]*[0-OQ-WYZ\\^-~]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what is looked for
const RESET = /\u001b\[m/g;

/** The theme's color of a terminal's color. Exact colors are left out, because they could have too little contrast. */
const COLORS: Readonly<Record<string, string>> = {
  red: 'text-bad',
  green: 'text-go',
  yellow: 'text-warn',
  blue: 'text-wait',
  magenta: 'text-lost',
  cyan: 'text-wait',
  black: 'text-mute',
};
const NAMES = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'];
const DECORATIONS: Readonly<Record<string, string>> = {
  bold: 'font-bold',
  italic: 'italic',
  underline: 'underline',
  strikethrough: 'line-through',
};

/** Splits a terminal's output into pieces with their colors. Cursor movements are dropped, unseen characters are named. */
export function terminalPieces(output: string): TerminalPiece[] {
  const text = overwritten(output.replace(MOVEMENTS, '').replace(RESET, '\u001b[0m'));
  return createAnsiSequenceParser()
    .parse(text)
    .filter(({ value }) => value !== '')
    .map((token) => ({ text: visible(token.value), look: lookOf(token) }));
}

/** A carriage return starts its line again, as progress bars do: the last version of the line is shown. */
function overwritten(text: string): string {
  return text
    .replace(/\r+\n/g, '\n')
    .replace(/[^\n]*\r(?=[^\n])/g, '')
    .replaceAll('\r', '');
}

function lookOf({ foreground, decorations }: ParseToken): string {
  const words = [...decorations].flatMap((each) => DECORATIONS[each] ?? []);
  const color = foreground === null ? undefined : COLORS[nameOf(foreground)];
  // A dimmed text keeps a contrast that can be read.
  return [...words, color ?? (decorations.has('dim') ? 'text-mute' : '')].filter(Boolean).join(' ');
}

function nameOf(color: Color): string {
  if (color.type === 'named') return color.name.replace(/^bright(.)/, (_, first: string) => first.toLowerCase());
  return color.type === 'table' && color.index < 16 ? NAMES[color.index % 8]! : '';
}
