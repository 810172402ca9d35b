import type { ActionRequest } from '../../../src/ports/sessions.ts';
import type { SessionAction, SessionStatus } from '../../../src/protocol/common/enums.ts';
import { modelRetry, released, result } from './fake-agent.ts';
import type { SessionInProcess } from './harness.ts';

/** An action with its required members. */
export function requestFor(action: SessionAction): ActionRequest {
  switch (action) {
    case 'stop':
      return { action, body: {} };
    case 'complete':
      return { action, body: { result: { success: true } } };
    case 'fail':
      return { action, body: { error: { message: 'It broke.' } } };
    case 'retry':
      return { action, body: { from: 'last' } };
    default:
      return { action };
  }
}

/** Brings a new session to a status by real events. */
export const WAYS: Record<SessionStatus, (session: SessionInProcess) => Promise<unknown>> = {
  pending: (session) => session.create(),
  queued: async (session) => {
    await session.create();
    await session.act('start');
  },
  running: (session) => session.begun(),
  degraded: async (session) => (await session.begun()).send(modelRetry()),
  orphaned: async (session) => (await session.begun()).send(released('lost')),
  paused: async (session) => {
    await WAYS.queued(session);
    await session.act('pause');
  },
  completed: async (session) => (await session.begun()).send(result()),
  partially_completed: async (session) => (await session.begun()).send(result(1, { status: 'partial' })),
  failed: async (session) => {
    await WAYS.queued(session);
    await session.act(requestFor('fail'));
  },
  timeout: async (session) => {
    const agent = await session.begun({ max_duration_seconds: 60 });
    await agent.ping(60_000);
  },
  stopped: async (session) => {
    await WAYS.queued(session);
    await session.act(requestFor('stop'));
  },
  cancelled: async (session) => {
    await session.create();
    await session.act('cancel');
  },
};
