import { suggestion } from './kinds.ts';
import { type NamesOf, namesOf, type Reader, type SettingName, settingOf, type ValueOf } from './settings.ts';

/** Environment variables: `process.env`, or the Worker's environment. */
export type Variables = { readonly [N in SettingName]?: string | undefined };

/** The variables of the Worker and its objects, as texts. A deployment sets them. */
export type WorkerVariables = { [N in NamesOf<'worker' | 'object'>]?: string };

/** The values of all settings that a reader reads. */
export type Settings<R extends Reader> = { readonly [N in NamesOf<R>]: ValueOf<N> };

/** A variable has an invalid value. The message is one sentence: the variable, what it must be, an example. */
export class SettingError extends Error {
  override name = 'SettingError';
  readonly variable: SettingName;
  /** The message without the given value. API clients get this text, because they did not set the variable. */
  readonly requirement: string;

  constructor(variable: SettingName, given: string | undefined) {
    const { kind, example, secret } = settingOf(variable);
    const requirement = `${variable} must be ${plain(kind.expects)}, such as ${variable}=${example}`;
    const found =
      given === undefined ? '; it is not set' : secret ? '; its current value is invalid' : `, not ${quoted(given)}`;
    const meant = given === undefined || secret ? '' : suggestion<unknown>(kind, given);
    super(`${requirement}${found}.${meant}`);
    this.variable = variable;
    this.requirement = `${requirement}.`;
  }
}

/** The trimmed text of a variable; undefined if it is not set or empty. */
export function givenText(name: SettingName, variables: Variables): string | undefined {
  return variables[name]?.trim() || undefined;
}

/**
 * Reads one setting.
 *
 * @throws SettingError when the value is invalid, or required and missing
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
 * @throws SettingError for the first invalid one
 */
export function readSettings<R extends Reader>(reader: R, variables: Variables): Settings<R> {
  return Object.fromEntries(namesOf(reader).map((name) => [name, readSetting(name, variables)])) as Settings<R>;
}

/**
 * Checks every variable that is set and that one of the readers reads. A missing variable is not an error here.
 *
 * @throws SettingError for the first invalid one
 */
export function checkGiven(variables: Variables, ...readers: Reader[]): void {
  for (const name of namesOf(...readers)) if (givenText(name, variables) !== undefined) readSetting(name, variables);
}

/**
 * Reads the settings of the objects. If a value is invalid, the Worker rejects every request, and the objects use the
 * default. They must not throw: an object whose constructor throws loses its alarm, because the platform gives up after
 * six attempts. A setting without a default keeps its invalid value. For example, rows for an invalid database URL wait
 * in the outbox until the URL is corrected.
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

/** Removes Markdown's backticks. */
function plain(markdown: string): string {
  return markdown.replaceAll('`', '');
}

const QUOTED_MAX_CHARS = 60;

/** A value for a message, truncated and on one line. */
function quoted(value: string): string {
  return JSON.stringify(value.length > QUOTED_MAX_CHARS ? `${value.slice(0, QUOTED_MAX_CHARS)}…` : value);
}
