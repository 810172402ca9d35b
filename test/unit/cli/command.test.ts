import { afterEach, describe, expect, it, vi } from 'vitest';
import { CliError, defineCommand, defineGroup, exitCode, parseInteger, withSubcommands } from '../../../cli/command.ts';
import { choiceOf } from '../../../cli/commands/session/choice.ts';
import { titleOf } from '../../../cli/commands/session/new-session.ts';
import { parseDuration } from '../../../cli/duration.ts';

const received: unknown[] = [];
afterEach(() => vi.unstubAllEnvs());
const sample = defineCommand({
  summary: 'Sample',
  usage: ['sample <thing> [more]'],
  arguments: { thing: 'required', more: 'optional' },
  options: {
    dir: { type: 'string', placeholder: 'path', default: '.', description: 'Where' },
    fast: { type: 'boolean', default: false, description: 'Hurry' },
  },
  async run({ values, args }) {
    received.push({ ...values, ...args });
    return exitCode.failed;
  },
});

describe('a command', () => {
  it('passes parsed options with their defaults to its run function, and returns the exit code', async () => {
    expect(await sample.run(['--fast', 'thing'])).toBe(exitCode.failed);
    expect(received.pop()).toEqual({ dir: '.', fast: true, thing: 'thing', more: undefined });
  });

  it('lists every option with its value’s name in the help text', () => {
    const help = sample.help();
    expect(help).toContain('npm run oio -- sample <thing> [more]');
    expect(help).toMatch(/--dir <path>\s+Where/);
    expect(help).toMatch(/--fast\s+Hurry/);
    expect(help).toMatch(/-h, --help/);
  });

  it.each([
    ['an unknown option', ['--fat', 'a'], 'Did you mean "--fast"?'],
    ['a value with a dash', ['-5', 'a'], 'Put "--" before a value with a dash.'],
    ['an unknown option that is like none', ['--unheard', 'a'], 'Choose one of: --dir, --fast, --help.'],
    ['an option without its value', ['a', '--dir'], 'The option --dir <value> needs a value.'],
    ['a missing argument', [], 'The thing is missing. Usage:\n  npm run oio -- sample <thing> [more]'],
    ['a surplus argument', ['a', 'b', 'c'], 'Unexpected argument "c". Put quotes'],
  ])('refuses %s with a usage error that helps, and does not run', async (_what, args, words) => {
    await expect(sample.run(args)).rejects.toMatchObject({
      code: exitCode.usage,
      message: expect.stringContaining(words),
    });
    expect(received).toEqual([]);
  });

  it('says that options of an npm script follow "--", which npm has removed', async () => {
    vi.stubEnv('npm_lifecycle_event', 'start');
    await expect(sample.run(['a', 'b', '../repository'])).rejects.toThrow('npm start -- --<option> ../repository');
  });
});

it('an empty argument is a missing one, unless the command says that it may be empty', async () => {
  const set = defineCommand({
    summary: 'Set',
    usage: ['set <value>'],
    arguments: { value: 'may_be_empty' },
    options: {},
    run: async ({ args }) => args.value.length,
  });
  expect(await set.run([''])).toBe(0);
  await expect(set.run([])).rejects.toThrow('The value is missing.');
  await expect(sample.run([''])).rejects.toThrow('The thing is missing.');
});

describe('a group of commands', () => {
  const group = defineGroup('group', 'Group', { sample, other: sample });

  it('runs a subcommand with the arguments that follow it', async () => {
    expect(await group.run(['sample', 'thing'])).toBe(exitCode.failed);
    expect(received.pop()).toMatchObject({ thing: 'thing' });
  });

  it('suggests the subcommand that was probably meant', async () => {
    await expect(group.run(['smaple'])).rejects.toThrow('Did you mean "sample"?');
    await expect(group.run(['unheard'])).rejects.toThrow('Choose one of: sample, other.');
    await expect(group.run([])).rejects.toThrow('The subcommand is missing.');
  });
});

describe('a command with subcommands', () => {
  const plain = defineCommand({
    summary: 'Plain',
    usage: ['plain [--fast]'],
    options: { fast: { type: 'boolean', default: false, description: 'Hurry' } },
    async run({ values }) {
      received.push(values);
      return exitCode.ok;
    },
  });
  const command = withSubcommands('plain', plain, { sample });

  it('runs by itself without a word, or with only options', async () => {
    for (const args of [[], ['--fast']]) expect(await command.run(args)).toBe(exitCode.ok);
    expect(received.splice(0)).toEqual([{ fast: false }, { fast: true }]);
  });

  it('runs a subcommand, and suggests the one that was probably meant', async () => {
    expect(await command.run(['sample', 'thing'])).toBe(exitCode.failed);
    expect(received.pop()).toMatchObject({ thing: 'thing' });
    await expect(command.run(['smaple'])).rejects.toThrow(
      'There is no subcommand of plain "smaple". Did you mean "sample"?',
    );
  });

  it('shows its usage for an argument, and does not advise quotes, because it takes no text', async () => {
    await expect(command.run(['--fast', 'word'])).rejects.toThrow(
      'Unexpected argument "word". Usage:\n  npm run oio -- plain [--fast]',
    );
  });
});

it('a long prompt’s title ends between characters', () => {
  expect(titleOf('a'.repeat(101))).toBe(`${'a'.repeat(99)}…`);
  expect(titleOf(`${'a'.repeat(98)}😀😀`).isWellFormed()).toBe(true);
  expect(titleOf('x')).toBe('Prompt: x');
  expect(titleOf('Fix\tthe \u0000list')).toBe('Fix the  list');
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

describe('the options that choose an agent', () => {
  it('become the members of the request', () => {
    expect(
      choiceOf({
        label: ['os=linux'],
        'min-tier': 'advanced',
        'prefer-label': ['gpu=true@0.5', 'memory_gb>=32', 'mail=a@b@.25'],
        'prefer-type': 'reviewer',
        technology: ['rust'],
      }),
    ).toEqual({
      required_labels: ['os=linux'],
      required_capabilities: [],
      min_performance_tier: 'advanced',
      preferred_labels: { 'gpu=true': 0.5, 'memory_gb>=32': 1, 'mail=a@b': 0.25 },
      preferred_agent_type: 'reviewer',
      preferred_agent_ids: [],
      technologies: ['rust'],
    });
  });

  it.each([
    ['a weight above 1', { 'prefer-label': ['gpu=true@2'] }, 'must end with a weight from 0 to 1'],
    ['a weight that is no number', { 'prefer-label': ['gpu=true@much'] }, 'not "gpu=true@much"'],
    ['an unknown tier', { 'min-tier': 'best' }, 'Choose one of: elite, advanced, competent, trainee, degraded.'],
    ['a misspelt type', { 'prefer-type': 'reviwer' }, 'Did you mean "reviewer"?'],
  ])('reject %s', (_, options, message) => {
    expect(() => choiceOf(options)).toThrow(message);
  });
});
