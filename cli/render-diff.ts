import type { SessionDiff } from '../src/protocol/session/checkpoint.ts';
import { paint, printable } from './terminal.ts';

/** A colored patch, preceded by one line for each file. */
export function renderDiff(diff: SessionDiff): string[] {
  if (diff.files.length === 0) return [note('no changes')];
  const files = diff.files.map(
    ({ path, status, additions, deletions }) =>
      `  ${status.padEnd(9)}${printable(path)} ${paint('green', `+${additions}`)} ${paint('red', `-${deletions}`)}`,
  );
  const unseen = diff.is_text
    ? []
    : [note('some bytes are not UTF-8 and are shown as \uFFFD; --patch prints them unchanged')];
  const cut = diff.is_cut ? [note('the patch is too long to show in full; --patch prints all of it')] : [];
  return [...files, '', ...unseen, ...cut, ...diff.patch.trimEnd().split('\n').map(renderPatchLine)];
}

function renderPatchLine(line: string): string {
  const text = `  ${printable(line)}`;
  if (/^(diff |index |--- |\+\+\+ |new file|deleted file|similarity|rename )/.test(line)) return paint('bold', text);
  if (line.startsWith('@@')) return paint('cyan', text);
  if (line.startsWith('+')) return paint('green', text);
  return line.startsWith('-') ? paint('red', text) : text;
}

function note(text: string): string {
  return paint('dim', `· ${text}`);
}
