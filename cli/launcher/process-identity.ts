import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * When a process started, as an opaque text; undefined when no such process lives (a zombie does not). A pid and this
 * text name one process for good: a pid alone is given out again.
 */
export function processStartTime(pid: number): string | undefined {
  try {
    if (process.platform === 'linux') return linuxStartTime(pid);
    return process.platform === 'win32' ? windowsStartTime(pid) : psStartTime(pid);
  } catch {
    return undefined;
  }
}

/** Clock ticks since boot (proc(5), field 22), with the boot's id: ticks alone repeat after a reboot. */
function linuxStartTime(pid: number): string | undefined {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field is the command's name in parentheses and may itself hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, threads, ticks] = [fields[0], Number(fields[17]), fields[19]];
  // Its first thread may be a zombie while others still hold its files and ports.
  if ((state === 'Z' || state === 'X') && threads <= 1) return undefined;
  return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}:${ticks}`;
}

function psStartTime(pid: number): string | undefined {
  const env = { ...process.env, LC_ALL: 'C' };
  const [state, ...start] = execFileSync('ps', ['-o', 'state=,lstart=', '-p', String(pid)], {
    encoding: 'utf8',
    env,
  })
    .trim()
    .split(/\s+/);
  return state?.startsWith('Z') ? undefined : start.join(' ') || undefined;
}

function windowsStartTime(pid: number): string | undefined {
  const script = `(Get-Process -Id ${pid}).StartTime.ToFileTimeUtc()`;
  return (
    execFileSync('powershell', ['-NoProfile', '-Command', script], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim() || undefined
  );
}
