import { stripVTControlCharacters, styleText } from 'node:util';
import { visible } from '../src/domain/visible-text.ts';

type Format = Parameters<typeof styleText>[0];

/** Colors a text for standard output. Returns it unchanged if that is not a terminal or NO_COLOR is set. */
export function paint(format: Format, text: string): string {
  return styleText(format, text, { stream: process.stdout });
}

const labelWidth = 10;

/** Prints one line for the user: a label in a fixed column, then the text. */
export function say(label: string, text: string, format: Format = 'bold'): void {
  process.stdout.write(`${`${paint(format, label.padEnd(labelWidth))} ${text}`.trimEnd()}\n`);
}

/** Prints a value as a JSON document for programs. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

/**
 * Text from outside, for a terminal: it cannot move the cursor, change colors or hide anything. Colors are removed, and
 * other characters that cannot be seen are named.
 */
export function printable(text: string): string {
  return visible(stripVTControlCharacters(text).replaceAll('\r', ''));
}
