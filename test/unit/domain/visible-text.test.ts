import { describe, expect, it } from 'vitest';
import { unseenWarning, visible } from '../../../src/domain/visible-text.ts';

describe('a text for eyes', () => {
  it.each([
    [
      'a command that is shown in reverse',
      'echo "safe \u202edliub/ fr- mr ;\u202c"',
      'echo "safe ‹U+202E›dliub/ fr- mr ;‹U+202C›"',
    ],
    ['an isolate', 'a\u2066b\u2069', 'a‹U+2066›b‹U+2069›'],
    ['characters without width', 'pay\u200bpal \ufeff\u2060', 'pay‹U+200B›pal ‹U+FEFF›‹U+2060›'],
    ['invisible tags', 'hi\u{e0041}', 'hi‹U+E0041›'],
    ['controls', 'a\u0000b\u001b[31m\u007f\u0085', 'a‹U+0000›b‹U+001B›[31m‹U+007F›‹U+0085›'],
    ['a carriage return that hides the start of its line', 'rm -rf /\rls', 'rm -rf /‹U+000D›ls'],
  ])('names %s', (_what, text, shown) => {
    expect(visible(text)).toBe(shown);
  });

  it.each([
    ['lines and tabs', 'a\n\tb'],
    ['joined emoji and scripts that join', '👩‍👩‍👧 نمی‌خواهم'],
    ['right-to-left words', 'שלום and مرحبا'],
  ])('keeps %s', (_what, text) => {
    expect(visible(text)).toBe(text);
  });

  it('ends lines in one way', () => {
    expect(visible('a\r\nb')).toBe('a\nb');
  });
});

it('a request warns of what its text, its details or the wider patterns hide', () => {
  const request = { title: 'bash: ls', patterns: ['ls'], always: ['ls *'], questions: [], detail: { command: 'ls' } };
  expect(unseenWarning(request)).toBeNull();
  const command = 'echo "safe \u202edliub/ fr- mr ;\u202c"';
  expect(unseenWarning({ ...request, detail: { command } })).toMatch(/: U\+202E, U\+202C\.$/);
  expect(unseenWarning({ ...request, always: ['ls \u200b*'] })).toMatch(/: U\+200B\.$/);
});
