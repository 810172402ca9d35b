import { chmodSync, lstatSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';

/** A file as work leaves it: its path and content are bytes that need not be text, one character a byte. */
export interface UntidyFile {
  path: string;
  type: 'file' | 'program' | 'link' | 'gone';
  content: string;
}

const NAMES = ['a', 'b c', '"q"', 'tab\there', 'é', '\xe9', '-x', 'line\nfeed', 'ü\xff', 'back\\slash', ' b/b'];
const name = fc.constantFrom(...NAMES);
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
const line = fc.constantFrom('x', 'y', '', 'diff --git a/x b/x', '\xe9\xff', '+ ', '<<<<<<< x', '\\ No newline', 'w\r');
const content = fc.oneof(
  fc.array(line, { maxLength: 8 }).map((lines) => lines.join('\n')),
  fc.array(line, { maxLength: 8 }).map((lines) => lines.map((one) => `${one}\r\n`).join('')),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
);

/** Changes of a work tree: later ones replace earlier ones, and what is in their way. */
export const untidyFiles: fc.Arbitrary<UntidyFile[]> = fc.array(
  fc.record({ path, type: fc.constantFrom('file', 'file', 'program', 'link', 'gone'), content }),
  { maxLength: 6 },
);

/** Makes the changes in a directory. */
export function writeUntidy(directory: string, files: readonly UntidyFile[]): void {
  for (const { path: name, type, content: text } of files) {
    const place = (parts: string[]) => Buffer.from(`${directory}/${parts.join('/')}`, 'latin1');
    const parts = name.split('/');
    for (let depth = 1; depth < parts.length; depth++) {
      const parent = place(parts.slice(0, depth));
      if (!lstatSync(parent, { throwIfNoEntry: false })?.isDirectory()) rmSync(parent, { force: true });
    }
    const file = place(parts);
    rmSync(file, { recursive: true, force: true });
    if (type === 'gone') continue;
    mkdirSync(place(parts.slice(0, -1)), { recursive: true });
    const bytes = Buffer.from(text, 'latin1');
    // A link's target has at least one byte, and none of them is 0.
    if (type === 'link') symlinkSync(Buffer.from(`t${text.replaceAll('\0', '0')}`, 'latin1'), file);
    else writeFileSync(file, bytes);
    if (type === 'program') chmodSync(file, 0o755);
  }
}
