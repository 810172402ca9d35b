import { checkGiven, readSetting, SettingError, type Variables } from '../src/configuration/read.ts';
import { namesOf, type Reader, type SettingName, settingOf, type ValueOf } from '../src/configuration/settings.ts';
import { CliError, exitCode } from './command.ts';
import { definitions } from './help.ts';

/**
 * Reads one setting from the environment.
 *
 * @throws CliError that names the variable and a valid example
 */
export function setting<N extends SettingName>(name: N, env: Variables): ValueOf<N> {
  return explained(() => readSetting(name, env));
}

/**
 * Checks every variable that is set for one of the readers.
 *
 * @throws CliError like `setting`, for the first invalid variable
 */
export function checkSettings(env: Variables, ...readers: Reader[]): void {
  explained(() => checkGiven(env, ...readers));
}

/** The help on each setting that users set: its name, its summary and its default. */
export function describeSettings(...readers: Reader[]): string {
  const names = namesOf(...readers).filter((name) => !settingOf(name).internal);
  const entries = names.map((name) => {
    const { summary, default: byDefault, otherwise } = settingOf(name);
    return [name, `${summary} (${byDefault ?? otherwise})`.replaceAll('`', '')] as const;
  });
  return definitions(entries).join('\n');
}

function explained<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof SettingError) throw new CliError(error.message, exitCode.environment);
    throw error;
  }
}
