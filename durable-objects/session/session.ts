import type { LeaseCallsApi } from '../../src/ports/lease-calls.ts';
import type { SessionApi } from '../../src/ports/sessions.ts';
import { ObjectShell } from '../kit/platform/object-shell.ts';
import { sessionConfigOf, sessionPortsOf } from './compose.ts';
import { buildSession, type SessionRuntime } from './runtime.ts';

type Api = SessionApi & LeaseCallsApi;
type Args<M extends keyof Api> = Parameters<Api[M]>;

/** The object of a session. See `SessionApi`. */
export class Session extends ObjectShell<SessionRuntime> implements SessionApi, LeaseCallsApi {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env, 'Session', (workspace, platform) =>
      buildSession(workspace, platform, sessionPortsOf(workspace, env), sessionConfigOf(env)),
    );
  }

  create(...args: Args<'create'>): ReturnType<SessionApi['create']> {
    return this.runtime.create(...args);
  }

  evict(...args: Args<'evict'>): ReturnType<SessionApi['evict']> {
    return this.runtime.evict(...args);
  }

  createdAt(...args: Args<'createdAt'>): ReturnType<SessionApi['createdAt']> {
    return this.runtime.createdAt(...args);
  }

  endedAt(): ReturnType<SessionApi['endedAt']> {
    return this.runtime.endedAt();
  }

  read(...args: Args<'read'>): ReturnType<SessionApi['read']> {
    return this.runtime.read(...args);
  }

  update(...args: Args<'update'>): ReturnType<SessionApi['update']> {
    return this.runtime.update(...args);
  }

  act(...args: Args<'act'>): ReturnType<SessionApi['act']> {
    return this.runtime.act(...args);
  }

  remove(...args: Args<'remove'>): ReturnType<SessionApi['remove']> {
    return this.runtime.remove(...args);
  }

  send(...args: Args<'send'>): ReturnType<SessionApi['send']> {
    return this.runtime.send(...args);
  }

  deliver(...args: Args<'deliver'>): ReturnType<SessionApi['deliver']> {
    return this.runtime.deliver(...args);
  }

  approvals(...args: Args<'approvals'>): ReturnType<SessionApi['approvals']> {
    return this.runtime.approvals(...args);
  }

  answer(...args: Args<'answer'>): ReturnType<SessionApi['answer']> {
    return this.runtime.answer(...args);
  }

  events(...args: Args<'events'>): ReturnType<SessionApi['events']> {
    return this.runtime.events(...args);
  }

  transcript(...args: Args<'transcript'>): ReturnType<SessionApi['transcript']> {
    return this.runtime.transcript(...args);
  }

  checkpoints(...args: Args<'checkpoints'>): ReturnType<SessionApi['checkpoints']> {
    return this.runtime.checkpoints(...args);
  }

  requestCheckpoint(...args: Args<'requestCheckpoint'>): ReturnType<SessionApi['requestCheckpoint']> {
    return this.runtime.requestCheckpoint(...args);
  }

  changeTask(...args: Args<'changeTask'>): ReturnType<SessionApi['changeTask']> {
    return this.runtime.changeTask(...args);
  }

  decompose(...args: Args<'decompose'>): ReturnType<SessionApi['decompose']> {
    return this.runtime.decompose(...args);
  }

  removeTask(...args: Args<'removeTask'>): ReturnType<SessionApi['removeTask']> {
    return this.runtime.removeTask(...args);
  }

  dependencies(...args: Args<'dependencies'>): ReturnType<SessionApi['dependencies']> {
    return this.runtime.dependencies(...args);
  }

  createTasks(...args: Args<'createTasks'>): ReturnType<SessionApi['createTasks']> {
    return this.runtime.createTasks(...args);
  }

  tasks(...args: Args<'tasks'>): ReturnType<SessionApi['tasks']> {
    return this.runtime.tasks(...args);
  }

  task(...args: Args<'task'>): ReturnType<SessionApi['task']> {
    return this.runtime.task(...args);
  }

  graph(...args: Args<'graph'>): ReturnType<SessionApi['graph']> {
    return this.runtime.graph(...args);
  }

  endTools(...args: Args<'endTools'>): ReturnType<SessionApi['endTools']> {
    return this.runtime.endTools(...args);
  }

  rate(...args: Args<'rate'>): ReturnType<SessionApi['rate']> {
    return this.runtime.rate(...args);
  }

  diff(...args: Args<'diff'>): ReturnType<SessionApi['diff']> {
    return this.runtime.diff(...args);
  }

  artifactChunk(...args: Args<'artifactChunk'>): ReturnType<SessionApi['artifactChunk']> {
    return this.runtime.artifactChunk(...args);
  }

  files(...args: Args<'files'>): ReturnType<SessionApi['files']> {
    return this.runtime.files(...args);
  }

  async handOut(...args: Args<'handOut'>): ReturnType<LeaseCallsApi['handOut']> {
    return this.runtime.leaseCalls.handOut(...args);
  }

  async heldLease(...args: Args<'heldLease'>): ReturnType<LeaseCallsApi['heldLease']> {
    return this.runtime.leaseCalls.heldLease(...args);
  }

  async report(...args: Args<'report'>): ReturnType<LeaseCallsApi['report']> {
    return this.runtime.leaseCalls.report(...args);
  }

  async reportResult(...args: Args<'reportResult'>): ReturnType<LeaseCallsApi['reportResult']> {
    return this.runtime.leaseCalls.reportResult(...args);
  }

  async reportConflict(...args: Args<'reportConflict'>): ReturnType<LeaseCallsApi['reportConflict']> {
    return this.runtime.leaseCalls.reportConflict(...args);
  }

  async releaseLease(...args: Args<'releaseLease'>): ReturnType<LeaseCallsApi['releaseLease']> {
    return this.runtime.leaseCalls.releaseLease(...args);
  }
}
