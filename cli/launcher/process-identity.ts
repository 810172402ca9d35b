import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * The start time of a process as an opaque text; undefined if the process has ended (a zombie counts as ended). The
 * pid and this text together identify one process for ever. The pid alone does not, because pids are reused.
 */
export function processStartTime(pid: number): string | undefined {
  try {
    if (process.platform === 'linux') return linuxStartTime(pid);
    return process.platform === 'win32' ? windowsStartTime(pid) : psStartTime(pid);
  } catch {
    return undefined;
  }
}

/** Clock ticks since boot (proc(5), field 22) with the id of the boot, because ticks repeat after a reboot. */
function linuxStartTime(pid: number): string | undefined {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field is the command's name in parentheses, which can itself contain spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, threads, ticks] = [fields[0], Number(fields[17]), fields[19]];
  // The first thread can be a zombie while other threads still hold files and ports.
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
