import { describe, expect, it } from 'vitest';
import { terminalPieces } from '../../../dashboard/src/ui/terminal-text.ts';

const textOf = (output: string) =>
  terminalPieces(output)
    .map(({ text }) => text)
    .join('');

describe('the output of a terminal', () => {
  it('has the colors and decorations of its control sequences', () => {
    expect(terminalPieces('a \u001b[32m✓\u001b[0m b \u001b[1;91mfailed\u001b[m c')).toEqual([
      { text: 'a ', look: '' },
      { text: '✓', look: 'text-go' },
      { text: ' b ', look: '' },
      { text: 'failed', look: 'font-bold text-bad' },
      { text: ' c', look: '' },
    ]);
  });

  it('has the color of a table, and no color of which the contrast is not known', () => {
    expect(terminalPieces('\u001b[38;5;1mred')).toEqual([{ text: 'red', look: 'text-bad' }]);
    expect(terminalPieces('\u001b[38;2;20;20;20mdark')).toEqual([{ text: 'dark', look: '' }]);
  });

  it.each([
    ['movements of the cursor', 'one\u001b[2K\u001b[1Gtwo\u001b[?25l', 'onetwo'],
    ['the title of the window', '\u001b]0;title\u0007text', 'text'],
    ['the address of a link', '\u001b]8;;https://example.com\u001b\\link\u001b]8;;\u001b\\', 'link'],
    ['earlier versions of a line', '10%\r50%\r100%\ndone', '100%\ndone'],
    ['the carriage return at the end of a line', 'one\r\ntwo\r\n', 'one\ntwo\n'],
  ])('leaves out %s', (_what, output, shown) => {
    expect(textOf(output)).toBe(shown);
  });

  it('names what cannot be seen', () => {
    expect(textOf('nul \u0000 and \u202erm')).toBe('nul ‹U+0000› and ‹U+202E›rm');
    expect(textOf('an unfinished \u001b[3')).toBe('an unfinished ‹U+001B›[3');
  });
});
