/** Sends a signal to every process of a group. @param leader the process id of the group's first process */
export function signalGroup(leader: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-leader, signal);
  } catch {
    // The group has no processes left.
  }
}
