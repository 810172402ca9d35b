import { stripVTControlCharacters, styleText } from 'node:util';

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

/** Removes control characters and colors, so that untrusted text cannot control the terminal. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: removes control characters
  return stripVTControlCharacters(text).replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '');
}
