import { readDiff, streamArtifact, streamPatch } from '../../application/artifacts.ts';
import { readEvents } from '../../application/read-events.ts';
import { sessionOfTask } from '../../protocol/common/ids.ts';
import type { Authenticator } from '../auth/authenticate.ts';
import type { Dependencies } from '../dependencies.ts';
import type { SomeHandlers } from '../endpoints.ts';
import { sessionOf } from './sessions.ts';

/** Handlers for a session's events, checkpoints, approvals and artifacts. */
export function sessionWorkHandlers(deps: Dependencies, authenticator: Authenticator) {
  return {
    listEvents: async ({ params, query, call }, c) => {
      const page = await readEvents(deps, call, params.id, query);
      // The token may have ended while the read waited.
      if (query.wait_seconds > 0) await authenticator.byToken(c.req.raw);
      return page;
    },
    readTranscript: ({ params, query, call }) => sessionOf(deps, call, params.id).transcript(call, query),
    listCheckpoints: ({ params, query, call }) => sessionOf(deps, call, params.id).checkpoints(call, query),
    requestCheckpoint: ({ params, call }) => sessionOf(deps, call, params.id).requestCheckpoint(call),
    endTools: ({ params, body, call }) => sessionOf(deps, call, params.id).endTools(call, body),
    readPatch: ({ params, call }) => streamPatch(sessionOf(deps, call, params.id), call),
    readDiff: ({ params, call }) => readDiff(sessionOf(deps, call, params.id), call),
    listApprovals: ({ params, query, call }) => sessionOf(deps, call, params.id).approvals(call, query),
    answerApproval: ({ params, body, call }) => sessionOf(deps, call, params.id).answer(call, params.approval_id, body),
    listFiles: ({ params, query, call }) => sessionOf(deps, call, params.id).files(call, query),
    rateTask: ({ params: { id }, body, call }) => sessionOf(deps, call, sessionOfTask(id)).rate(call, id, body),
    readArtifact: ({ params, call }) => streamArtifact(sessionOf(deps, call, params.id), call, params.artifact_id),
  } satisfies SomeHandlers;
}
