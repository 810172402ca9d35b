/**
 * Bounds that both ends of every wire keep. Sizes are UTF-8 bytes unless a name says otherwise.
 *
 * The platform refuses values and frames above 2 MiB; a local workerd lets more pass. Asserting 1 MiB ourselves,
 * everywhere, makes a laptop as strict as production.
 */
export const MAX_STORED_BYTES = 1_048_576;
/** No WebSocket frame is larger. */
export const MAX_FRAME_BYTES = 1_048_576;
/** What a sender aims at when it batches frames or pages events. */
export const BATCH_BYTES = 262_144;
/** Events in one page of the log. */
export const PAGE_EVENTS = 500;
/** A chunk of an artifact, before base64. */
export const CHUNK_BYTES = 196_608;
/** A larger patch stays on the agent's machine: the checkpoint says `local_only`. */
export const MAX_PATCH_BYTES = 8_388_608;
/** Of a larger conversation only a transcript of its end is carried. */
export const MAX_CONVERSATION_BYTES = 16_777_216;
/** Checkpoints kept for a session; older ones go with their artifacts. */
export const MAX_CHECKPOINTS = 100;
/** REST request bodies. */
export const MAX_BODY_BYTES = 1_048_576;
/** A watcher that is this far behind its acknowledgements is closed with its cursor. */
export const MAX_WATCHER_LAG_BYTES = 1_048_576;
/** Tool input and output in one event; the rest is cut and marked. */
export const MAX_TOOL_TEXT_CHARS = 32_768;
/** Leases that one agent may hold at once. */
export const MAX_AGENT_CAPACITY = 50;
/** Messages that may wait in a session for their turn. */
export const MAX_WAITING_MESSAGES = 100;

const encoder = new TextEncoder();

/** UTF-8 length of `text` in bytes. */
export function utf8Length(text: string): number {
  return encoder.encode(text).byteLength;
}

/** Addresses of its clone that an agent tells of, and the length of one. */
export const MAX_REMOTES = 20;
export const MAX_REMOTE_CHARS = 1_000;
