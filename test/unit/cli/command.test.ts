import { describe, expect, it } from 'vitest';
import { CliError, defineCommand, exitCode, parseInteger } from '../../../cli/command.ts';
import { parseDuration } from '../../../cli/duration.ts';

const received: unknown[] = [];
const sample = defineCommand({
  summary: 'Sample',
  usage: ['sample <thing>'],
  options: {
    dir: { type: 'string', placeholder: 'path', default: '.', description: 'Where' },
    fast: { type: 'boolean', default: false, description: 'Hurry' },
  },
  async run({ values, positionals }) {
    received.push({ ...values, positionals });
    return exitCode.failed;
  },
});

describe('a command', () => {
  it('passes parsed options with their defaults to its run function, and returns the exit code', async () => {
    expect(await sample.run(['--fast', 'thing'])).toBe(exitCode.failed);
    expect(received.pop()).toEqual({ dir: '.', fast: true, positionals: ['thing'] });
  });

  it('lists every option with its value’s name in the help text', () => {
    const help = sample.help();
    expect(help).toContain('npm run oio -- sample <thing>');
    expect(help).toMatch(/--dir <path>\s+Where/);
    expect(help).toMatch(/--fast\s+Hurry/);
    expect(help).toMatch(/-h, --help/);
  });

  it('rejects an unknown option with a usage error, and does not run', async () => {
    await expect(sample.run(['--fat'])).rejects.toMatchObject({ name: 'CliError', code: exitCode.usage });
    expect(received).toEqual([]);
  });
});

describe('parsing numbers and durations', () => {
  it('accepts only whole numbers within the bounds', () => {
    expect(parseInteger('PORT', '8787', { min: 0, max: 65_535 })).toBe(8787);
    for (const text of ['65536', '-1', '1.5', 'eight', '', ' 1']) {
      expect(() => parseInteger('PORT', text, { min: 0, max: 65_535 })).toThrow(CliError);
    }
  });

  it('converts a duration to seconds, and rejects one without a unit', () => {
    expect([parseDuration('x', '90s'), parseDuration('x', '15m'), parseDuration('x', '30d')]).toEqual([
      90, 900, 2_592_000,
    ]);
    for (const text of ['90', 'm', '-1h', '1w']) expect(() => parseDuration('--expires', text)).toThrow('--expires');
  });
});
