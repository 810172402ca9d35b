import { expect, it } from 'vitest';
import { definitions, paragraphs, usageLine } from '../../../cli/help.ts';

const ENTRIES = [
  ['--dir <path>', 'The git repository to work in'],
  ['--json', 'Print JSON'],
] as const;

it('a meaning that is too long for the terminal continues in its column', () => {
  expect(definitions(ENTRIES, 42)).toEqual([
    '  --dir <path>  The git repository to work\n                in',
    '  --json        Print JSON',
  ]);
});

it('on a narrow terminal, lines are left to the terminal', () => {
  expect(definitions(ENTRIES, 30)[0]).toBe('  --dir <path>  The git repository to work in');
});

it('in a pipe, no line breaks', () => {
  expect(definitions(ENTRIES, undefined)[0]).toBe('  --dir <path>  The git repository to work in');
});

it('a form of a command line breaks between its options, and never in one', () => {
  expect(usageLine('oio list [--tag <tag>] [--search <text>]…', 32)).toBe(
    '  oio list [--tag <tag>]\n      [--search <text>]…',
  );
});

it('a paragraph keeps its indentation, and a line that fits keeps its spaces', () => {
  expect(paragraphs('  PORT    8787', 26)).toBe('  PORT    8787');
  expect(paragraphs('Two words and more than these.\n\n  oio list', 26)).toBe(
    'Two words and more than\nthese.\n\n  oio list',
  );
});
