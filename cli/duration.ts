import { CliError, exitCode } from './command.ts';

const secondsPerUnit = { s: 1, m: 60, h: 3_600, d: 86_400 } as const;

/** Parses a duration such as `90s`, `15m`, `12h` or `30d` to seconds. */
export function parseDuration(setting: string, text: string): number {
  const match = /^(\d{1,9})([smhd])$/.exec(text);
  if (!match)
    throw new CliError(`${setting} must be a duration such as 90s, 15m, 12h or 30d, not "${text}".`, exitCode.usage);
  return Number(match[1]) * secondsPerUnit[match[2] as keyof typeof secondsPerUnit];
}
