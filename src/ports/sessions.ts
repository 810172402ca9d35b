import type { Cursor } from '../protocol/common/cursor.ts';
import type { Outcome } from '../protocol/common/errors.ts';
import type { SessionId, WorkspaceId } from '../protocol/common/ids.ts';
import type { EventPage } from '../protocol/events/envelope.ts';
import type { ApprovalView } from '../protocol/session/approval.ts';
import type { CheckpointView, DiffFile } from '../protocol/session/checkpoint.ts';
import type {
  AnswerApprovalRequest,
  CompleteSessionRequest,
  CreateSessionRequest,
  FailSessionRequest,
  MessageAccepted,
  RetrySessionRequest,
  SendMessageRequest,
  StopSessionRequest,
  UpdateSessionRequest,
} from '../protocol/session/requests.ts';
import type { SessionInclude, SessionView } from '../protocol/session/session.ts';
import type { Call } from './calls.ts';

/** An action with what it needs; `by` and time come from the call. */
export type ActionRequest =
  | { action: 'start' | 'pause' | 'resume' | 'cancel' }
  | { action: 'stop'; body: StopSessionRequest }
  | { action: 'complete'; body: CompleteSessionRequest }
  | { action: 'fail'; body: FailSessionRequest }
  | { action: 'retry'; body: RetrySessionRequest };

/** A patch's place: read chunk 0 … chunks−1 with `artifactChunk`. */
export interface DiffSource {
  checkpoint: number | null;
  base_commit: string | null;
  files: DiffFile[];
  local_only: boolean;
  artifact: { id: string; chunks: number } | null;
}

/**
 * One session, wherever it lives. Only `create` makes anything: every other call on a session that does not exist,
 * or is another workspace's, writes nothing and is refused with `not_found`.
 */
export interface SessionApi {
  create(call: Call, id: SessionId, request: CreateSessionRequest): Promise<Outcome<SessionView>>;
  read(call: Call, include: SessionInclude[]): Promise<Outcome<SessionView>>;
  update(call: Call, changes: UpdateSessionRequest): Promise<Outcome<SessionView>>;
  act(call: Call, request: ActionRequest): Promise<Outcome<SessionView>>;
  /** Soft: an active session is cancelled first; then it is `not_found`, and purged after retention. */
  remove(call: Call): Promise<Outcome<null>>;
  send(call: Call, request: SendMessageRequest): Promise<Outcome<MessageAccepted>>;
  approvals(call: Call): Promise<Outcome<ApprovalView[]>>;
  answer(call: Call, approvalId: string, request: AnswerApprovalRequest): Promise<Outcome<ApprovalView>>;
  /** @param after null reads from the floor of the log */
  events(call: Call, after: Cursor | null, limit: number): Promise<Outcome<EventPage>>;
  checkpoints(call: Call): Promise<Outcome<CheckpointView[]>>;
  /** Asks the agent for a checkpoint now; it appears in the log. */
  requestCheckpoint(call: Call): Promise<Outcome<{ requested: true }>>;
  diff(call: Call): Promise<Outcome<DiffSource>>;
  /** Base64 of chunk `index` of an artifact. */
  artifactChunk(call: Call, artifactId: string, index: number): Promise<Outcome<string>>;
  /** Closes the sockets that were opened with a token. */
  closeSockets(tokenId: string): Promise<void>;
}

/** Finds a session's object: by its name alone, with no look-up. */
export interface Sessions {
  at(workspace: WorkspaceId, id: SessionId): SessionApi;
}
