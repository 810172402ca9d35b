/**
 * Limits that both ends of every connection enforce. Sizes are UTF-8 bytes unless a name says otherwise.
 *
 * Cloudflare rejects values and frames above 2 MiB, but a local workerd does not. The 1 MiB limits here are enforced
 * everywhere, so that a laptop is as strict as production.
 */
export const MAX_STORED_BYTES = 1_048_576;
/** The largest WebSocket frame. */
export const MAX_FRAME_BYTES = 1_048_576;
/** The target size for batches of frames and pages of events. */
export const BATCH_BYTES = 262_144;
/** The most JSON of a request for an approval, in UTF-16 code units: people are to read it, and a session has many. */
export const MAX_ASK_CHARS = 131_072;
/** The most events in one page of the log. */
export const PAGE_EVENTS = 500;
/** The most of the log above its base, in UTF-16 code units. A longer log is trimmed. */
export const MAX_LOG_CHARS = 1_073_741_824;
/** The size of an artifact's chunk before base64. */
export const CHUNK_BYTES = 196_608;
/** A longer patch is compressed. If that is not enough, its largest files stay on the agent's machine. */
export const MAX_PATCH_BYTES = 8_388_608;
/** The first byte of a patch that is compressed with gzip, and of no other. */
export const GZIP_MAGIC = 0x1f;
/** The longest patch before its compression. Longer work stays on the agent's machine: `local_only`. */
export const MAX_UNPACKED_PATCH_BYTES = 268_435_456;
/** The most of a patch in a response that shows it as text. */
export const MAX_SHOWN_PATCH_BYTES = 8_388_608;
/** A larger conversation is saved as a transcript of its end. */
export const MAX_CONVERSATION_BYTES = 16_777_216;
/** The most parts in which a conversation is sent. Then it is sent whole again. */
export const MAX_CONVERSATION_PARTS = 20;
/** The number of checkpoints that a session keeps. Older ones are deleted with their artifacts. */
export const MAX_CHECKPOINTS = 100;
/** The largest body of a REST request. */
export const MAX_BODY_BYTES = 1_048_576;
/** The most that is read of a refused request's body, so that its caller gets the answer. */
export const MAX_DISCARDED_BODY_BYTES = 16_777_216;
/** A watcher gets a mark to acknowledge after so many UTF-16 code units. */
export const MARK_EVERY_CHARS = 65_536;
/** The longest path of a context's watcher: its socket must remember it while the object sleeps. */
export const MAX_WATCH_PATH_CHARS = 200;
/** A watcher of a context gets a mark to acknowledge after so many bytes. */
export const MARK_EVERY_BYTES = 65_536;
/** A watcher whose acknowledgements are this far behind is closed, with its cursor as the reason. */
export const MAX_WATCHER_LAG_BYTES = 1_048_576;
/** The most text of a tool's input or output in one event. Longer text is truncated and marked. */
export const MAX_TOOL_TEXT_CHARS = 32_768;
/** The most leases that one agent may hold at a time. */
export const MAX_AGENT_CAPACITY = 50;
/** The length of the secret to which an agent's id belongs. */
export const MIN_AGENT_SECRET_CHARS = 32;
export const MAX_AGENT_SECRET_CHARS = 200;
/** The most messages that may wait in a session. */
export const MAX_WAITING_MESSAGES = 100;
/** The most tasks of a session, of others for which one of them waits, and of subtasks within each other. */
export const MAX_TASKS = 10_000;
export const MAX_DEPENDENCIES = 1_000;
export const MAX_TASK_DEPTH = 10;
/** The most parts into which a task is split, those of its parts included, and the most that a plan of an agent has. */
export const MAX_PARTS = 100;
export const MAX_PLANNED_TASKS = 50;
/** The most templates that a workspace adds, and the most parts of one. */
export const MAX_TEMPLATES = 50;
export const MAX_TEMPLATE_PARTS = 30;
/** The most works of other tasks from which one starts, with those before them. */
export const MAX_WORKS = 1_000;
/** The most files that the report of a conflict names. */
export const MAX_CONFLICT_FILES = 50;
/** The most checks of a session or of a task, and the most output that is kept of one, in UTF-16 code units. */
export const MAX_CHECKS = 10;
export const MAX_CHECK_OUTPUT_CHARS = 8_000;
/** The most agents with which a graph is predicted. */
export const MAX_AGENTS_OF_FORECAST = 1_000;
/** The most agents of a workspace, and of one of its tokens. A new agent takes the place of one that is away. */
export const MAX_AGENTS = 10_000;
export const MAX_AGENTS_OF_TOKEN = 1_000;
/** The most locks that a workspace holds at a time, and the most that wait for one of them and for all of them. */
export const MAX_LOCKS = 1_000;
export const MAX_WAITERS_OF_LOCK = 100;
export const MAX_LOCK_WAITERS = 1_000;
/** The longest time after which a lock ends by itself, and for which a request waits for one. */
export const MAX_LOCK_TTL_SECONDS = 3_600;
export const MAX_LOCK_WAIT_SECONDS = 25;
/** The longest that a request of an agent for work waits, in seconds. */
export const MAX_CLAIM_WAIT_SECONDS = 25;
/** The most tasks of a session that a person must approve before they start. */
export const MAX_GATES = 100;
/** The most files of a task's result, and the most that they have together. */
export const MAX_FILES = 200;
export const MAX_FILES_BYTES = 67_108_864;
/** The most tokens and the most sign-ins of a workspace. Each counts until it is revoked or expires. */
export const MAX_TOKENS = 1_000;
export const MAX_SIGN_INS = 1_000;
/** The most revoked tokens of a workspace. Each stays in the list of revocations until it expires. */
export const MAX_REVOKED_TOKENS = 10_000;
/** With the prefix `AGENT-`. */
export const MAX_AGENT_NAME_CHARS = 66;
/** The technologies that an agent prefers. */
export const MAX_TECHNOLOGIES = 20;
export const MAX_TECHNOLOGY_CHARS = 50;
/** The most moves of one rebalance. */
export const MAX_MOVES = 100;
/** The most labels that a request prefers. */
export const MAX_PREFERRED_LABELS = 20;
/** The most labels of an agent, and the longest. */
export const MAX_LABELS = 50;
export const MAX_LABEL_CHARS = 264;
/** The most remotes that an agent reports for its clone, and the longest key of one. */
export const MAX_REMOTES = 20;
export const MAX_REMOTE_CHARS = 1_000;
/** The most bytes of JSON that the registry keeps of an agent's remotes: twenty long ones, or one of the longest. */
export const MAX_KEPT_REMOTES_BYTES = 4_000;
/** The longest comment of a rating. */
export const MAX_COMMENT_CHARS = 2_000;
/** The most watchers of a session, with the reads of its log that wait. Each event is sent to all of them. */
export const MAX_WATCHERS = 1_000;
/** The longest that a read of the log waits for an event, in seconds. */
export const MAX_WAIT_SECONDS = 20;
/** The limit of `page × page_size`. To find older sessions, callers narrow the list with filters. */
export const MAX_LIST_OFFSET = 10_000;

/** The most JSON in the data of an agent's frame, in UTF-16 code units. */
export function maxFrameChars(type: string): number {
  return type === 'approval.asked' ? MAX_ASK_CHARS : BATCH_BYTES;
}

const encoder = new TextEncoder();

/** The length of `text` in UTF-8 bytes. */
export function utf8Length(text: string): number {
  return encoder.encode(text).byteLength;
}

/** Whether `text` is longer than `maxBytes` in UTF-8. A short text is not encoded: a code unit has at most 3 bytes. */
export function exceedsBytes(text: string, maxBytes: number): boolean {
  return text.length * 3 > maxBytes && utf8Length(text) > maxBytes;
}

/** How long an idempotency key names its first request. */
export const IDEMPOTENCY_KEY_MS = 86_400_000;
/** The most operations of a JSON Patch of a context, and the longest path of one. */
export const MAX_PATCH_OPERATIONS = 1_000;
export const MAX_POINTER_CHARS = 8_192;
/** The most contexts of one merge, and the most places that a share names. */
export const MAX_MERGED_CONTEXTS = 8;
export const MAX_CONTEXT_KEYS = 100;
/** The most places of a context that are marked as secret. */
export const MAX_SECRET_PATHS = 100;
/** The most open conflicts of a context, what it was made of, and what it links to. */
export const MAX_CONTEXT_CONFLICTS = 1_000;
export const MAX_CONTEXT_PARENTS = 100;
export const MAX_CONTEXT_LINKS = 20;
