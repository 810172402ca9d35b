import { hostname } from 'node:os';
import { type GuardedProcess, spawnGuarded } from '../../runner/process/guarded-process.ts';
import type { Client } from '../../src/client/client.ts';
import { ApiError } from '../../src/client/errors.ts';
import { type LockHold, LockLostError, withLock } from '../../src/client/lock.ts';
import { MAX_LOCK_TTL_SECONDS } from '../../src/protocol/common/limits.ts';
import { CliError, defineCommand, defineGroup, exitCode } from '../command.ts';
import { parseDuration } from '../duration.ts';
import { shutdownRequested } from '../launcher/shutdown.ts';
import { printable, printJson } from '../terminal.ts';
import { connect, connectionDetails, jsonOption, printLines } from './session/common.ts';

/** The exit codes of a shell after Ctrl-C, and for a command that cannot be started. */
const INTERRUPTED = 128 + 2;
const NOT_STARTED = 127;
/** The lock is given up a sixth of the TTL before its end, and the guard needs two seconds to end a command. */
const MIN_TTL_SECONDS = 15;
/** The host may have a long name, and an owner has at most 100 characters. */
const MAX_LABEL_CHARS = 60;

const run = defineCommand({
  summary: 'Run a command while holding a lock',
  usage: ['lock run <resource> [--ttl 30s] [--wait 10m] -- <command>…'],
  details: [
    connectionDetails,
    'Waits for the lock, renews it until the command has ended, and releases it then. The exit code is the command’s.',
    'The command gets the fencing token in OIO_LOCK_TOKEN. If the lock is lost, the command is ended with all processes of its group: by SIGTERM, and 2 seconds later by SIGKILL.',
  ].join('\n'),
  arguments: { resource: 'required', command: 'rest' },
  options: {
    ttl: {
      type: 'string',
      default: '30s',
      placeholder: 'time',
      description: 'When the lock ends if this machine dies or is cut off, 15s to 1h',
    },
    wait: {
      type: 'string',
      placeholder: 'time',
      description: 'How long to wait for the lock; without a limit if absent',
    },
    owner: { type: 'string', placeholder: 'text', description: 'Who locks, for others; by default host and process' },
  },
  async run({ values, args }) {
    const { resource } = args;
    const [command, ...rest] = args.command;
    if (command === undefined) {
      throw new CliError('The command is missing. Put it after "--": lock run deploy -- make deploy.', exitCode.usage);
    }
    const client = connect();
    const interrupted = new AbortController();
    void shutdownRequested(() => undefined).then(() => interrupted.abort());
    const options = {
      ttlSeconds: ttlOf(values.ttl),
      ...(values.wait !== undefined && { waitSeconds: parseDuration('--wait', values.wait) }),
      owner: (values.owner ?? `${hostname()}:${process.pid}`).slice(0, MAX_LABEL_CHARS),
      signal: interrupted.signal,
    };
    if (options.waitSeconds !== 0) await sayWhoHolds(client, resource);
    try {
      return await withLock(client, resource, (hold) => runUnder(hold, command, rest), options);
    } catch (error) {
      if (error instanceof LockLostError) throw new CliError(`${error.message} The command was ended. ${why(error)}`);
      if (interrupted.signal.aborted) return INTERRUPTED;
      throw error;
    }
  },
});

const show = defineCommand({
  summary: 'Show who holds a lock and who waits for it',
  usage: ['lock show <resource>'],
  details: connectionDetails,
  arguments: { resource: 'required' },
  options: jsonOption,
  async run({ values, args }) {
    const lock = await connect().locks.get(args.resource);
    if (values.json) printJson(lock);
    else {
      const { holder, waiters } = lock;
      const state = holder
        ? `held by ${holder.owner} until ${holder.expires_at}, with the fencing token ${holder.fencing_token}`
        : 'free';
      printLines([`${lock.resource}  ${state}`, ...waiters.map((owner) => `  waits: ${owner}`)].map(printable));
    }
    return exitCode.ok;
  },
});

export const lock = defineGroup('lock', 'Let one program at a time do something', { run, show });

function ttlOf(text: string): number {
  const seconds = parseDuration('--ttl', text);
  if (seconds >= MIN_TTL_SECONDS && seconds <= MAX_LOCK_TTL_SECONDS) return seconds;
  throw new CliError(`--ttl must be from ${MIN_TTL_SECONDS}s to 1h, not "${text}".`, exitCode.usage);
}

/** Says for whom the command waits. Nothing depends on it, because the lock may change at any time. */
async function sayWhoHolds(client: Client, resource: string): Promise<void> {
  const { holder, waiters } = await client.locks.get(resource);
  if (!holder) return;
  const ahead = waiters.length === 0 ? '' : ` ${waiters.length} are ahead.`;
  process.stderr.write(`${printable(`Waiting for ${resource}, which ${holder.owner} holds.${ahead}`)}\n`);
}

/** Runs the command until it ends by itself or the signal aborts. @returns its exit code */
async function runUnder({ signal, fencingToken }: LockHold, command: string, args: string[]): Promise<number> {
  const env = { ...(process.env as Record<string, string>), OIO_LOCK_TOKEN: String(fencingToken) };
  let running: GuardedProcess;
  try {
    running = await spawnGuarded({ command, args, env });
  } catch {
    // The guard has printed the reason.
    return NOT_STARTED;
  }
  const stop = () => void running.stop();
  signal.addEventListener('abort', stop);
  if (signal.aborted) stop();
  return (await running.exited).code;
}

function why({ cause }: LockLostError): string {
  if (cause instanceof ApiError && cause.code === 'lock_lost') return 'Somebody has released it, or it has expired.';
  return cause instanceof Error ? cause.message : '';
}
