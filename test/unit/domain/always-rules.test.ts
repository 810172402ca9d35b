import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { coveredByRules, matches } from '../../../src/domain/session/always-rules.ts';
import { runs } from '../../support/seeds.ts';

/** The same wildcards as a regular expression, which is slower and dangerous with patterns from outside. */
function byRegularExpression(pattern: string, text: string): boolean {
  const source = pattern.replace(/[.+^${}()|[\]\\*?]/g, (char) =>
    char === '*' ? '[^]*' : char === '?' ? '[^]' : `\\${char}`,
  );
  return new RegExp(`^${source}$`).test(text);
}

const word = (alphabet: string) => fc.string({ unit: fc.constantFrom(...alphabet), maxLength: 12 });

describe('a wildcard', () => {
  it('matches what the same regular expression matches', () => {
    let matched = 0;
    fc.assert(
      fc.property(word('ab*?.('), word('ab.('), (pattern, text) => {
        const expected = byRegularExpression(pattern, text);
        if (expected) matched++;
        expect(matches(pattern, text)).toBe(expected);
      }),
      runs(2_000),
    );
    expect(matched).toBeGreaterThan(50);
  });

  it('matches without backtracking, even a pattern that would stall a regular expression', () => {
    const pattern = `${'a*'.repeat(50)}b`;
    expect(matches(pattern, 'a'.repeat(10_000))).toBe(false);
  });

  it.each([
    ['npm *', 'npm test', true],
    ['npm *', 'npm', false],
    ['*', '', true],
    ['', '', true],
    ['', 'x', false],
    ['git ???', 'git log', true],
    ['src/*.ts', 'src/a/b.ts', true],
    ['src/*.ts', 'src/a.tsx', false],
  ])('%j and %j: %s', (pattern, text, expected) => {
    expect(matches(pattern, text)).toBe(expected);
  });
});

describe('always rules', () => {
  const rules = [
    { permission: 'bash', pattern: 'npm *' },
    { permission: 'edit', pattern: '*' },
  ];

  it.each([
    { permission: 'bash', patterns: ['npm test'], covered: true },
    { permission: 'bash', patterns: ['npm test', 'npm ci'], covered: true },
    { permission: 'bash', patterns: ['npm test', 'rm -rf .'], covered: false },
    { permission: 'bash', patterns: [], covered: false },
    { permission: 'edit', patterns: [], covered: true },
    { permission: 'webfetch', patterns: ['npm test'], covered: false },
  ])('cover $permission of $patterns: $covered', ({ permission, patterns, covered }) => {
    expect(coveredByRules(rules, permission, patterns)).toBe(covered);
  });
});
