/** The CPU time of this process while `act` runs, in ms. Other work on the machine does not count. */
export function cpuMs<Value>(act: () => Value): { ms: number; value: Value } {
  const before = process.cpuUsage();
  const value = act();
  const { user, system } = process.cpuUsage(before);
  return { ms: (user + system) / 1_000, value };
}
