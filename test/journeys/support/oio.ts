import { Launcher } from '../../system/support/launcher.ts';
import type { sharedFleet } from './shared-fleet.ts';

/** Runs the command line on the control plane's data directory. */
export async function oioOf(
  { address }: ReturnType<typeof sharedFleet>,
  ...args: string[]
): Promise<{ code: number | null; output: string }> {
  const command = new Launcher({ dataDirectory: address.dataDirectory, args });
  return { code: await command.exited, output: command.output };
}
