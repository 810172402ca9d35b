import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import * as limits from '../../../src/protocol/common/limits.ts';

const MIB = 1_048_576;
const KIB = 1_024;
const CONSTANTS = limits as unknown as Record<string, number>;

interface Row {
  what: string;
  bound: string;
  constants: string[];
}

/** The rows of the table of limits: the subject, the bound and the constants. */
function documentedLimits(): Row[] {
  const [, section = ''] = /^## Limits\n([\s\S]*?)\n## /m.exec(readFileSync('docs/architecture.md', 'utf8')) ?? [];
  const lines = section.split('\n').filter((line) => line.startsWith('| '));
  // The first two lines are the header and its rule.
  return lines.slice(2).map((line) => {
    const [what = '', bound = '', constant = ''] = line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim());
    return { what, bound, constants: [...constant.matchAll(/`([A-Z_]+)`/g)].map(([, name]) => name!) };
  });
}

/** A constant in the table's format: `8 MiB`, `256 KiB` or `10,000`. */
function written(name: string): string {
  const value = CONSTANTS[name];
  if (value === undefined) throw new Error(`limits.ts has no ${name}`);
  if (!name.endsWith('_BYTES')) return value.toLocaleString('en');
  return value % MIB === 0 ? `${value / MIB} MiB` : `${value / KIB} KiB`;
}

const rows = documentedLimits();

it.each(rows.filter(({ constants }) => constants.length > 0))(
  'the documented limit of $what equals the constant in the code',
  (row) => {
    for (const name of row.constants) {
      expect(row.bound, name).toMatch(new RegExp(`(?<![\\d,.])${written(name)}(?![\\d,.]*\\d)`));
    }
  },
);

it('the table of limits names the constant of every limit except the measured one', () => {
  expect(rows.length).toBeGreaterThan(5);
  expect(rows.filter(({ constants }) => constants.length === 0).map(({ what }) => what)).toEqual([
    'durable commits of one object',
  ]);
});
