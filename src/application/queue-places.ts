import { waitsForAgent } from '../domain/session/session-status.ts';
import type { AgentRegistries } from '../ports/agent-registry.ts';
import type { Call } from '../ports/calls.ts';
import { Unavailable } from '../ports/unavailable.ts';
import type { SessionStatus } from '../protocol/common/enums.ts';
import type { SessionId } from '../protocol/common/ids.ts';
import type { QueuePlace } from '../protocol/session/queue.ts';

interface Waiting {
  id: SessionId;
  status: SessionStatus;
  open_approvals: number;
  queue?: QueuePlace | undefined;
}

/** The place of a waiting session that has no request in the registry. */
const NOT_ASKED: QueuePlace = {
  reason: 'not_asked',
  message: 'The session pauses before its next attempt, or its request for an agent has not arrived yet.',
  ahead: null,
  place: null,
  estimated_wait_seconds: null,
  missing: [],
};

/** The place of one in which all that could be done waits for a person. */
const NOT_APPROVED: QueuePlace = {
  ...NOT_ASKED,
  reason: 'not_approved',
  message: 'The session waits until somebody answers what it asks.',
};

/**
 * Adds to each session that waits for an agent its place in the queue, which only the registry knows. If the registry
 * cannot be reached, the sessions are returned without places.
 */
export async function withQueuePlaces<S extends Waiting>(
  { agentRegistries }: { agentRegistries: AgentRegistries },
  call: Call,
  sessions: S[],
): Promise<S[]> {
  const waiting = sessions.filter(({ status }) => waitsForAgent(status)).map(({ id }) => id);
  if (waiting.length === 0) return sessions;
  try {
    const places = await agentRegistries.of(call.principal.workspace).places(call, waiting);
    if (!places.ok) return sessions;
    const otherwise = ({ open_approvals }: S) => (open_approvals > 0 ? NOT_APPROVED : NOT_ASKED);
    return sessions.map((session) =>
      waitsForAgent(session.status) ? { ...session, queue: places.value[session.id] ?? otherwise(session) } : session,
    );
  } catch (error) {
    if (error instanceof Unavailable) return sessions;
    throw error;
  }
}
