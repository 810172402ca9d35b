import { readdirSync, readFileSync } from 'node:fs';

/** Linux: ticks of `utime` and `stime` in a second (`getconf CLK_TCK`). */
const TICKS_PER_SECOND = 100;

export interface Use {
  /** CPU time since the start of the process, in seconds. */
  cpu_seconds: number;
  memory_mib: number;
}

/** What a process and its children use, from `/proc` (proc_pid_stat(5), proc_pid_status(5)). Only on Linux. */
export function resourcesOf(pid: number): Use {
  // The name in brackets may have blanks; utime and stime are the 12th and 13th fields after it.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  const memory = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '0';
  const own = {
    cpu_seconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
    memory_mib: Number(memory) / 1_024,
  };
  return childrenOf(pid).map(resourcesOf).reduce(sum, own);
}

function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  );
}

function sum(one: Use, other: Use): Use {
  return { cpu_seconds: one.cpu_seconds + other.cpu_seconds, memory_mib: one.memory_mib + other.memory_mib };
}
