import { type NamesOf, namesOf, type Reader, type SettingName, settingOf, type ValueOf } from './settings.ts';

/** Environment variables: `process.env`, or the Worker's environment. */
export type Variables = { readonly [N in SettingName]?: string | undefined };

/** The variables of the Worker and its objects, as texts: what a deployment sets. */
export type WorkerVariables = { [N in NamesOf<'worker' | 'object'>]?: string };

/** The values of all settings of a reader. */
export type Settings<R extends Reader> = { readonly [N in NamesOf<R>]: ValueOf<N> };

/** A variable that cannot be used. The message is one sentence: the variable, what it must be, an example. */
export class SettingError extends Error {
  override name = 'SettingError';
  readonly variable: SettingName;
  /** The message without the value, for readers who did not set it. */
  readonly requirement: string;

  constructor(variable: SettingName, given: string | undefined) {
    const { kind, example, secret } = settingOf(variable);
    const requirement = `${variable} must be ${plain(kind.expects)}, such as ${variable}=${example}`;
    const found = given === undefined ? '; it is not set' : secret ? '; its value is not' : `, not ${quoted(given)}`;
    super(`${requirement}${found}.`);
    this.variable = variable;
    this.requirement = `${requirement}.`;
  }
}

/** The text of a variable without the spaces and line ends around it; undefined where that leaves nothing. */
export function givenText(name: SettingName, variables: Variables): string | undefined {
  return variables[name]?.trim() || undefined;
}

/**
 * Reads one setting.
 *
 * @throws SettingError when it cannot be used, or is required and missing
 * @example readSetting('OIO_LEASE_TTL_SECONDS', { OIO_LEASE_TTL_SECONDS: '90' }) // 90
 */
export function readSetting<N extends SettingName>(name: N, variables: Variables): ValueOf<N> {
  const { kind, default: byDefault, required } = settingOf(name);
  const given = givenText(name, variables) ?? byDefault;
  if (given === undefined) {
    if (required) throw new SettingError(name, undefined);
    return undefined as ValueOf<N>;
  }
  const value = kind.read(given);
  if (value === undefined) throw new SettingError(name, given);
  return value as ValueOf<N>;
}

/**
 * Reads all settings of a reader.
 *
 * @throws SettingError for the first one that cannot be used
 */
export function readSettings<R extends Reader>(reader: R, variables: Variables): Settings<R> {
  return Object.fromEntries(namesOf(reader).map((name) => [name, readSetting(name, variables)])) as Settings<R>;
}

/**
 * Makes sure that every variable which is set can be used. A missing one is no error here.
 *
 * @throws SettingError for the first one that cannot be used
 */
export function checkGiven(variables: Variables, ...readers: Reader[]): void {
  for (const name of namesOf(...readers)) if (givenText(name, variables) !== undefined) readSetting(name, variables);
}

/**
 * Reads the settings of the objects. A value that cannot be used counts as not set, because the Worker in front refuses
 * every request then, and an object that threw in its constructor would lose its alarm: the platform gives up after six
 * tries. A database's address is passed on as it is, so that what is to be written there waits for a better one.
 */
export function readObjectSettings(variables: Variables): Settings<'object'> {
  const usable = <N extends SettingName>(name: N): ValueOf<N> => {
    try {
      return readSetting(name, variables);
    } catch {
      const { default: byDefault } = settingOf(name);
      return (byDefault === undefined ? variables[name] : readSetting(name, {})) as ValueOf<N>;
    }
  };
  return Object.fromEntries(namesOf('object').map((name) => [name, usable(name)])) as Settings<'object'>;
}

/** Marks of code are for Markdown. */
function plain(markdown: string): string {
  return markdown.replaceAll('`', '');
}

const QUOTED_MAX_CHARS = 60;

/** A value as a message shows it: bounded, on one line. */
function quoted(value: string): string {
  return JSON.stringify(value.length > QUOTED_MAX_CHARS ? `${value.slice(0, QUOTED_MAX_CHARS)}…` : value);
}
