import type { Call } from '../../ports/calls.ts';
import type { ActionRequest } from '../../ports/sessions.ts';
import type { SessionId } from '../../protocol/common/ids.ts';
import type { Dependencies } from '../dependencies.ts';
import type { SomeHandlers } from '../endpoints.ts';
import { sessionOf } from './sessions.ts';

/** Handlers for actions on sessions. */
export function sessionActionHandlers(deps: Dependencies) {
  const act = (call: Call, { id }: { id: SessionId }, request: ActionRequest) =>
    sessionOf(deps, call, id).act(call, request);
  return {
    startSession: ({ params, call }) => act(call, params, { action: 'start' }),
    pauseSession: ({ params, call }) => act(call, params, { action: 'pause' }),
    resumeSession: ({ params, call }) => act(call, params, { action: 'resume' }),
    cancelSession: ({ params, call }) => act(call, params, { action: 'cancel' }),
    stopSession: ({ params, body, call }) => act(call, params, { action: 'stop', body }),
    completeSession: ({ params, body, call }) => act(call, params, { action: 'complete', body }),
    failSession: ({ params, body, call }) => act(call, params, { action: 'fail', body }),
    retrySession: ({ params, body, call }) => act(call, params, { action: 'retry', body }),
    deliverWork: ({ params, body, call }) => sessionOf(deps, call, params.id).deliver(call, body),
    sendMessage: ({ params, body, call }) => sessionOf(deps, call, params.id).send(call, body),
  } satisfies SomeHandlers;
}
