import { ownAgentOnly } from '../../application/authorize.ts';
import { claimWork } from '../../application/claim-work.ts';
import { SignsOfLife } from '../../application/signs-of-life.ts';
import type { Call } from '../../ports/calls.ts';
import type { FrameReport, LeaseKey } from '../../ports/lease-calls.ts';
import { sessionOfTask } from '../../protocol/common/ids.ts';
import type { AgentFrame } from '../../protocol/run/frames.ts';
import type { Authenticator } from '../auth/authenticate.ts';
import type { Dependencies } from '../dependencies.ts';
import type { SomeHandlers } from '../endpoints.ts';

interface LeaseParams {
  task_id: string;
  epoch: string;
}

/** Handlers for agents without sockets: they claim work, and report under their leases. */
export function leaseHandlers(deps: Dependencies, authenticator: Authenticator) {
  const signs = new SignsOfLife(deps.agentRegistries, deps.effects.now);
  const sessionOf = ({ principal }: Call, { task_id }: LeaseParams) =>
    deps.sessions.at(principal.workspace, sessionOfTask(task_id));

  async function report(call: Call, params: LeaseParams, frames: FrameReport) {
    const [outcome] = await Promise.all([sessionOf(call, params).report(call, keyOf(params), frames), signs.of(call)]);
    return outcome;
  }

  /** A report that is one frame. */
  function reportOne(
    call: Call,
    params: LeaseParams,
    { acknowledged_command, ...frame }: AgentFrame & Pick<FrameReport, 'acknowledged_command'>,
  ) {
    return report(call, params, { frames: [frame], acknowledged_command });
  }

  return {
    claimWork: async ({ params: { id }, body, call }, c) => {
      const own = ownAgentOnly(call.principal, id);
      if (!own.ok) return own;
      const claimed = await claimWork(deps, call, id, body);
      // The token may have ended while the claim waited.
      if (body.wait_seconds > 0) await authenticator.byToken(c.req.raw);
      return claimed;
    },
    sendHeartbeat: async ({ params: { id }, call }) => {
      const own = ownAgentOnly(call.principal, id);
      return own.ok ? deps.agentRegistries.of(call.principal.workspace).heartbeat(call, id) : own;
    },
    reportEvents: ({ params, body: { events, acknowledged_command }, call }) =>
      report(call, params, { frames: events, acknowledged_command }),
    reportCheckpoint: ({ params, body: { n, acknowledged_command, ...data }, call }) =>
      reportOne(call, params, { n, type: 'checkpoint', data, acknowledged_command }),
    askApproval: ({ params, body: { n, acknowledged_command, ...data }, call }) =>
      reportOne(call, params, { n, type: 'approval.asked', data, acknowledged_command }),
    sendArtifact: ({ params, body: { n, acknowledged_command, ...data }, call }) =>
      reportOne(call, params, { n, type: 'artifact.chunk', data, acknowledged_command }),
    reportResult: ({ params, body, call }) => sessionOf(call, params).reportResult(call, keyOf(params), body),
    reportConflict: ({ params, body, call }) => sessionOf(call, params).reportConflict(call, keyOf(params), body),
    releaseLease: ({ params, body, call }) => sessionOf(call, params).releaseLease(call, keyOf(params), body),
  } satisfies SomeHandlers;
}

function keyOf({ task_id, epoch }: LeaseParams): LeaseKey {
  return { task_id, epoch: Number(epoch) };
}
