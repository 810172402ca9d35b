/** The sections of the protocols' documents that derive from the schemas and constants. */
import { RegisterAgentRequest } from '../src/protocol/agent/agent.ts';
import { ControlDown, ControlUp } from '../src/protocol/agent/control-socket.ts';
import {
  BATCH_BYTES,
  CHUNK_BYTES,
  MAX_AGENT_CAPACITY,
  MAX_ASK_CHARS,
  MAX_CHECKPOINTS,
  MAX_CONVERSATION_BYTES,
  MAX_CONVERSATION_PARTS,
  MAX_FRAME_BYTES,
  MAX_PATCH_BYTES,
  MAX_WATCH_PATH_CHARS,
  MAX_WATCHER_LAG_BYTES,
  MAX_WATCHERS,
  PAGE_EVENTS,
} from '../src/protocol/common/limits.ts';
import { ContextWatchFrame } from '../src/protocol/context/watch-socket.ts';
import { EventBody, EventPosition } from '../src/protocol/events/envelope.ts';
import { Command } from '../src/protocol/run/assignment.ts';
import { AgentFrameBody } from '../src/protocol/run/frames.ts';
import {
  AskApprovalRequest,
  ClaimRequest,
  ReleaseLeaseRequest,
  ReportCheckpointRequest,
  ReportConflictRequest,
  ReportEventsRequest,
  ReportResultRequest,
  SendArtifactRequest,
} from '../src/protocol/run/reports.ts';
import { RunDown, RunUp } from '../src/protocol/run/run-socket.ts';
import { SessionState } from '../src/protocol/session/session-state.ts';
import { WatchFrame, WatchRequest } from '../src/protocol/session/watch-socket.ts';
import {
  boundsTable,
  closeCodesTable,
  framesTable,
  objectTable,
  requestsTable,
  valuesTable,
} from './protocol-tables.ts';

const FRAME: [string, number, string] = ['a message on a socket', MAX_FRAME_BYTES, 'bytes of UTF-8'];

/** The sections by document and name. */
export const PROTOCOL_SECTIONS: Readonly<Record<string, Record<string, () => string>>> = {
  'docs/watch-protocol.md': {
    'watch-up': () => framesTable('frame', WatchRequest()),
    'watch-down': () => framesTable('frame', WatchFrame()),
    'event-position': () => objectTable(EventPosition()),
    events: () => framesTable('event', EventBody()),
    state: () => objectTable(SessionState()),
    'watch-closes': () => closeCodesTable('protocol_error', 'unauthorized', 'lagging', 'deleted'),
    'context-down': () => framesTable('frame', ContextWatchFrame()),
    'watch-bounds': () =>
      boundsTable(
        FRAME,
        ['events in a page', PAGE_EVENTS, 'events'],
        ['how far a reader may be behind its acknowledgements', MAX_WATCHER_LAG_BYTES, 'UTF-16 code units'],
        ['how far a reader of a context may be behind', MAX_WATCHER_LAG_BYTES, 'bytes of UTF-8'],
        ['the path of a context’s socket', MAX_WATCH_PATH_CHARS, 'characters'],
        ['watchers of a session, or of a context', MAX_WATCHERS, 'watchers'],
      ),
    'watch-values': () => valuesTable(WatchFrame(), ContextWatchFrame(), EventBody(), SessionState()),
  },
  'docs/agent-protocol.md': {
    'http-requests': () =>
      requestsTable(
        {
          'POST /api/v1/agents': RegisterAgentRequest(),
          'POST …/claim': ClaimRequest(),
          'POST …/events': ReportEventsRequest(),
          'POST …/artifacts': SendArtifactRequest(),
          'POST …/checkpoints': ReportCheckpointRequest(),
          'POST …/approvals': AskApprovalRequest(),
          'POST …/result': ReportResultRequest(),
          'POST …/conflict': ReportConflictRequest(),
          'POST …/release': ReleaseLeaseRequest(),
        },
        { events: 'list (at most 1,000) of numbered [frames](#reporting): `n`, `type`, `data`' },
      ),
    'control-up': () => framesTable('the agent sends', ControlUp()),
    'control-down': () => framesTable('the registry sends', ControlDown()),
    'run-up': () => framesTable('the agent sends', RunUp()),
    'run-down': () => framesTable('the session sends', RunDown()),
    'agent-frames': () => framesTable('frame', AgentFrameBody()),
    commands: () => framesTable('command', Command()),
    'agent-closes': () => closeCodesTable('protocol_error', 'unauthorized', 'deleted', 'lease_ended', 'superseded'),
    'agent-bounds': () =>
      boundsTable(
        FRAME,
        ['frames in a batch, about', BATCH_BYTES, 'bytes'],
        ['a chunk of an artifact, before base64', CHUNK_BYTES, 'bytes'],
        ['JSON of the data of `approval.asked`', MAX_ASK_CHARS, 'characters'],
        ['a patch', MAX_PATCH_BYTES, 'bytes'],
        ['a conversation, with all of its parts', MAX_CONVERSATION_BYTES, 'bytes'],
        ['parts of a conversation', MAX_CONVERSATION_PARTS, 'artifacts'],
        ['checkpoints that are kept of a task', MAX_CHECKPOINTS, 'checkpoints'],
        ['leases of one agent at a time', MAX_AGENT_CAPACITY, 'leases'],
      ),
    'agent-values': () => valuesTable(ControlUp(), ControlDown(), RunUp(), RunDown(), Command(), AgentFrameBody()),
  },
};
