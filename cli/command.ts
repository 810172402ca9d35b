import { type ParseArgsOptionDescriptor, parseArgs } from 'node:util';

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

/** The command that starts `oio`. npm does not link the programs of the package that it runs in. */
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

export interface Invocation<O extends OptionSpecs> {
  values: Values<O>;
  positionals: string[];
}

export interface Command {
  /** One line for the list of commands. */
  summary: string;
  /** Text of `--help`. */
  help(): string;
  /** Parses the arguments and runs the command; resolves with the exit code. */
  run(args: string[]): Promise<number>;
}

interface CommandDefinition<O extends OptionSpecs> {
  summary: string;
  /** Forms of the command line, without the leading `oio`. */
  usage: readonly string[];
  /** Paragraphs shown under the usage lines. */
  details?: string;
  options: O;
  run(invocation: Invocation<O>): Promise<number>;
}

/** Builds a command with typed option values and `--help`, both derived from its option specs. */
export function defineCommand<const O extends OptionSpecs>(definition: CommandDefinition<O>): Command {
  const options = { ...definition.options, ...helpOption };
  const help = () => formatHelp(definition.usage, definition.summary, definition.details, options);
  return {
    summary: definition.summary,
    help,
    async run(args) {
      const parsed = parse(args, options);
      if ('help' in parsed.values && parsed.values.help) {
        process.stdout.write(`${help()}\n`);
        return exitCode.ok;
      }
      return definition.run(parsed as Invocation<O>);
    },
  };
}

const helpOption = {
  help: { type: 'boolean', short: 'h', description: 'Show this text' },
} satisfies OptionSpecs;

function parse(args: string[], options: OptionSpecs) {
  try {
    return parseArgs({ args, options, allowPositionals: true, strict: true });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CliError(`${reason}\nAdd --help to see the command's options.`, exitCode.usage);
  }
}

function formatHelp(
  usage: readonly string[],
  summary: string,
  details: string | undefined,
  options: OptionSpecs,
): string {
  const forms = usage.map((form) => `  ${oio} ${form}`).join('\n');
  const names = Object.entries(options).map(([name, spec]) => {
    const short = spec.short ? `-${spec.short}, ` : '    ';
    const value = spec.type === 'string' ? ` <${spec.placeholder ?? 'value'}>` : '';
    return { flag: `${short}--${name}${value}`, description: spec.description };
  });
  const width = Math.max(...names.map(({ flag }) => flag.length)) + 2;
  const list = names.map(({ flag, description }) => `  ${flag.padEnd(width)}${description}`);
  return [`${summary}.`, '', forms, ...(details ? ['', details] : []), '', ...list].join('\n');
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
