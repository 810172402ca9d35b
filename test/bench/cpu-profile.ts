/** A profile in V8's format (`.cpuprofile`), with the members that are read here. */
export interface CpuProfile {
  nodes: { id: number; callFrame: { functionName: string; url: string; lineNumber: number } }[];
  /** The node that was running at each sample. */
  samples: number[];
  /** Microseconds before each sample. */
  timeDeltas: number[];
}

/** The time in µs of each node that was running, without idle time. */
export function activeTimes({ nodes, samples, timeDeltas }: CpuProfile): Map<CpuProfile['nodes'][number], number> {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const times = new Map<CpuProfile['nodes'][number], number>();
  samples.forEach((id, index) => {
    const node = byId.get(id)!;
    if (['(idle)', '(root)'].includes(node.callFrame.functionName)) return;
    times.set(node, (times.get(node) ?? 0) + (timeDeltas[index] ?? 0));
  });
  return times;
}
