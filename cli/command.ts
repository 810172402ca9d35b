import { type ParseArgsOptionDescriptor, parseArgs } from 'node:util';
import { closest, distance } from 'fastest-levenshtein';
import { httpUrl, suggestion } from '../src/configuration/kinds.ts';
import { definitions, paragraphs, usageLine } from './help.ts';

/**
 * Exit codes of every `oio` command.
 *
 * - `failed` (1): the work itself failed (a session that did not complete, a server error)
 * - `usage` (2): unknown command, option or argument
 * - `environment` (3): something on this machine must change first (port, directory, missing package)
 * - `unreachable` (4): no control plane answers at the URL, or it rejects the token
 */
export const exitCode = { ok: 0, failed: 1, usage: 2, environment: 3, unreachable: 4 } as const;

export type ExitCode = (typeof exitCode)[keyof typeof exitCode];

/** The command that starts `oio`. npm links the programs of dependencies, and not those of the package itself. */
export const oio = 'npm run oio --';

/** An error for the user. Its message says what to do, and is shown without a stack trace. */
export class CliError extends Error {
  override name = 'CliError';
  readonly code: ExitCode;

  constructor(message: string, code: ExitCode = exitCode.failed) {
    super(message);
    this.code = code;
  }
}

/** One option: the fields that `parseArgs` needs and the texts that `--help` shows. */
export type OptionSpec = ParseArgsOptionDescriptor & {
  description: string;
  /** Name of the value in the help text, such as `url`. */
  placeholder?: string;
};
export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

type Values<O extends OptionSpecs> = ReturnType<
  typeof parseArgs<{ options: O; allowPositionals: true; strict: true }>
>['values'];

/**
 * The arguments of a command, in their order. A `rest` argument takes all that follow. A `required` one must not be empty,
 * because an empty one is mostly a variable that was not set; one that `may_be_empty` is required, too.
 */
export type ArgumentSpecs = Readonly<Record<string, 'required' | 'may_be_empty' | 'optional' | 'rest'>>;

type Arguments<A extends ArgumentSpecs> = {
  [Name in keyof A]: A[Name] extends 'rest' ? string[] : A[Name] extends 'optional' ? string | undefined : string;
};

export interface Invocation<O extends OptionSpecs, A extends ArgumentSpecs> {
  values: Values<O>;
  args: Arguments<A>;
}

export interface Command {
  /** One line for the list of commands. */
  summary: string;
  /** Text of `--help`. */
  help(): string;
  /** Parses the arguments and runs the command; resolves with the exit code. */
  run(args: string[]): Promise<number>;
}

interface CommandDefinition<O extends OptionSpecs, A extends ArgumentSpecs> {
  summary: string;
  /** Forms of the command line, without the leading `oio`. */
  usage: readonly string[];
  /** Paragraphs shown under the usage lines, one a line. */
  details?: string;
  /** The arguments that are not options. Omit it if the command takes none. */
  arguments?: A;
  options: O;
  run(invocation: Invocation<O, A>): Promise<number>;
}

/** Builds a command with typed values and `--help`, both derived from its specs. Unknown words are rejected. */
export function defineCommand<const O extends OptionSpecs, const A extends ArgumentSpecs = Record<never, never>>(
  definition: CommandDefinition<O, A>,
): Command {
  const options = { ...definition.options, ...helpOption };
  const help = () => formatHelp(definition.usage, definition.summary, definition.details, options);
  return {
    summary: definition.summary,
    help,
    async run(args) {
      const { values, positionals } = parse(args, options);
      if ('help' in values && values.help) {
        process.stdout.write(`${help()}\n`);
        return exitCode.ok;
      }
      const named = nameArguments(positionals, definition.arguments ?? {}, definition.usage);
      return definition.run({ values, args: named } as Invocation<O, A>);
    },
  };
}

/**
 * Builds a command that only has subcommands.
 * @param name the group's name on the command line
 */
export function defineGroup(name: string, summary: string, subcommands: Readonly<Record<string, Command>>): Command {
  const summaries = Object.entries(subcommands).map(([each, command]) => [each, command.summary] as const);
  const help = () =>
    [
      `${summary}.`,
      '',
      `  ${oio} ${name} <subcommand> [options]`,
      '',
      ...definitions(summaries),
      '',
      'Each subcommand has --help.',
    ].join('\n');
  return {
    summary,
    help,
    async run([word, ...rest]) {
      if (word === '--help' || word === '-h' || word === 'help') {
        process.stdout.write(`${help()}\n`);
        return exitCode.ok;
      }
      if (word === undefined) throw new CliError(`The subcommand is missing.\n${help()}`, exitCode.usage);
      return subcommand(name, word, subcommands).run(rest);
    },
  };
}

/**
 * Gives a command subcommands. The command itself takes only options.
 * @param name the command's name on the command line
 */
export function withSubcommands(
  name: string,
  command: Command,
  subcommands: Readonly<Record<string, Command>>,
): Command {
  return {
    ...command,
    async run(args) {
      const [word, ...rest] = args;
      if (word === undefined || word.startsWith('-')) return command.run(args);
      return subcommand(name, word, subcommands).run(rest);
    },
  };
}

function subcommand(name: string, word: string, subcommands: Readonly<Record<string, Command>>): Command {
  const command = Object.hasOwn(subcommands, word) ? subcommands[word] : undefined;
  if (command) return command;
  throw unknown(`subcommand of ${name}`, word, Object.keys(subcommands));
}

/** Parses one of the given words. @throws CliError that suggests or lists the words */
export function parseWord<Word extends string>(what: string, text: string, words: readonly Word[]): Word {
  const word = words.find((each) => each === text);
  if (word !== undefined) return word;
  throw unknown(what, text, words);
}

/** A usage error for an unknown word. It suggests the most similar known word, or lists all of them. */
export function unknown(what: string, word: string, known: readonly string[]): CliError {
  const nearest = closest(word, known as string[]);
  const isNear = distance(word, nearest) <= Math.max(1, Math.floor(word.length / 3));
  const help = isNear ? `Did you mean "${nearest}"?` : `Choose one of: ${known.join(', ')}.`;
  return new CliError(`There is no ${what} "${word}". ${help}`, exitCode.usage);
}

/** Maps arguments to their names. @throws CliError if an argument is missing or unexpected */
function nameArguments(
  given: string[],
  specs: ArgumentSpecs,
  usage: readonly string[],
): Record<string, string | string[] | undefined> {
  const forms = `Usage:\n${usageLines(usage)}`;
  const left = [...given];
  const named: Record<string, string | string[] | undefined> = {};
  for (const [name, kind] of Object.entries(specs)) {
    named[name] = kind === 'rest' ? left.splice(0) : left.shift();
    const isMissing = (kind === 'required' && !named[name]) || (kind === 'may_be_empty' && named[name] === undefined);
    if (isMissing) throw new CliError(`The ${name} is missing. ${forms}`, exitCode.usage);
  }
  if (left.length === 0) return named;
  // npm consumes options before "--" as its own, and passes on only their values.
  const script = process.env.npm_lifecycle_event;
  const isShortForm = script === 'start' || script === 'demo';
  const advice = isShortForm
    ? `Put options after "--": npm ${script === 'start' ? 'start' : 'run demo'} -- --<option> ${left[0]}.`
    : `${Object.keys(specs).length === 0 ? '' : 'Put quotes around a text of several words. '}${forms}`;
  throw new CliError(`Unexpected argument "${left[0]}". ${advice}`, exitCode.usage);
}

const helpOption = {
  help: { type: 'boolean', short: 'h', description: 'Show this text' },
} satisfies OptionSpecs;

function parse(args: string[], options: OptionSpecs) {
  try {
    return parseArgs({ args, options, allowPositionals: true, strict: true });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const option = /'(-[^']+)'/.exec(message)?.[1];
    if (code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION' && option) {
      if (/^-\d/.test(option)) {
        throw new CliError(`There is no option "${option}". Put "--" before a value with a dash.`, exitCode.usage);
      }
      throw unknown(
        'option',
        option,
        Object.keys(options).map((name) => `--${name}`),
      );
    }
    const [reason] = message.replace(/^Option '(.*)' argument missing/, 'The option $1 needs a value.').split('\n');
    throw new CliError(`${reason} Add --help to see the command's options.`, exitCode.usage);
  }
}

function formatHelp(
  usage: readonly string[],
  summary: string,
  details: string | undefined,
  options: OptionSpecs,
): string {
  const flags = Object.entries(options).map(([name, spec]) => {
    const short = spec.short ? `-${spec.short}, ` : '    ';
    const value = spec.type === 'string' ? ` <${spec.placeholder ?? 'value'}>` : '';
    return [`${short}--${name}${value}`, spec.description] as const;
  });
  return [
    `${summary}.`,
    '',
    usageLines(usage),
    ...(details ? ['', paragraphs(details)] : []),
    '',
    ...definitions(flags),
  ].join('\n');
}

function usageLines(usage: readonly string[]): string {
  return usage.map((form) => usageLine(`${oio} ${form}`)).join('\n');
}

/**
 * Parses a whole number from an option.
 *
 * @throws CliError that names the option and its bounds
 */
export function parseInteger(option: string, text: string, bounds: { min: number; max: number }): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= bounds.min && value <= bounds.max)) {
    throw new CliError(
      `${option} must be a whole number from ${bounds.min} to ${bounds.max}, not "${text}".`,
      exitCode.usage,
    );
  }
  return value;
}

/**
 * Parses the URL of a server from an option. The result has no slash at its end.
 *
 * @throws CliError that names the option, and suggests the URL that was probably meant
 */
export function parseUrl(option: string, text: string): string {
  const url = httpUrl.read(text.trim());
  if (url !== undefined) return url;
  const requirement = `${option} must be ${httpUrl.expects}, such as ${option} http://127.0.0.1:8787`;
  throw new CliError(`${requirement}, not "${text}".${suggestion(httpUrl, text)}`, exitCode.usage);
}
