import type { Call } from '../ports/calls.ts';
import type { JsonStream } from '../ports/json-text.ts';
import type { SessionApi } from '../ports/sessions.ts';
import { type Outcome, ok, refuse } from '../protocol/common/errors.ts';
import { GZIP_MAGIC, MAX_SHOWN_PATCH_BYTES, MAX_UNPACKED_PATCH_BYTES } from '../protocol/common/limits.ts';
import type { SessionDiff } from '../protocol/session/checkpoint.ts';

/** How much of a patch is read before the response begins. A fault in it is a refusal, a later one breaks the response. */
const READ_AHEAD_CHARS = 262_144;

/**
 * The session's work up to its newest checkpoint, with the beginning of the patch (see `MAX_SHOWN_PATCH_BYTES`). The patch
 * is read at the reader's pace, so that memory never holds all of it.
 */
export async function readDiff(session: SessionApi, call: Call): Promise<Outcome<JsonStream<SessionDiff>>> {
  const source = await session.diff(call);
  if (!source.ok) return source;
  const { artifact_id, ...rest } = source.value;
  const patch = await patchOf(session, call, artifact_id);
  if (!patch.ok) return patch;
  const decoder = new PatchDecoder();
  const texts = decoder.decode(patch.value);
  let ahead = '';
  try {
    for (let isDone = false; !isDone && ahead.length < READ_AHEAD_CHARS; ) {
      const next = await texts.next();
      if (next.done) isDone = true;
      else ahead += next.value;
    }
  } catch (error) {
    return refuse('unavailable', `The patch cannot be read: ${(error as Error).message}`);
  }
  async function* json(): AsyncGenerator<string, void> {
    yield `${JSON.stringify(rest).slice(0, -1)},"patch":"${escaped(ahead)}`;
    for await (const text of texts) yield escaped(text);
    yield `",${JSON.stringify(decoder.facts()).slice(1)}`;
  }
  return ok(textStream(json()) as JsonStream<SessionDiff>);
}

/** The bytes of the patch of the newest checkpoint. */
export async function streamPatch(session: SessionApi, call: Call): Promise<Outcome<ReadableStream<Uint8Array>>> {
  const source = await session.diff(call);
  return source.ok ? patchOf(session, call, source.value.artifact_id) : source;
}

/** Opens a patch as git reads it: agents compress long patches, and this decompresses them. */
async function patchOf(session: SessionApi, call: Call, artifactId: string | null): Promise<Outcome<ByteStream>> {
  if (artifactId === null) return ok(new Blob([]).stream() as ByteStream);
  const artifact = await openArtifact(session, call, artifactId);
  if (!artifact.ok) return artifact;
  const { first, stream } = artifact.value;
  if (first[0] !== GZIP_MAGIC) return ok(stream);
  return ok(stream.pipeThrough(new DecompressionStream('gzip')).pipeThrough(atMost(MAX_UNPACKED_PATCH_BYTES)));
}

/** A text as a part of a JSON string. */
function escaped(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

function textStream(texts: AsyncGenerator<string, void>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream({
    async pull(controller) {
      const next = await texts.next();
      if (next.done) controller.close();
      else controller.enqueue(encoder.encode(next.value));
    },
    cancel: async () => void (await texts.return()),
  });
}

/** Fails the stream after `maxBytes`, because a small compressed artifact can have any size when it is unpacked. */
function atMost(maxBytes: number): TransformStream<Uint8Array, Bytes> {
  let left = maxBytes;
  return new TransformStream({
    transform(chunk, controller) {
      left -= chunk.byteLength;
      if (left < 0) controller.error(new Error(`it is longer than ${maxBytes} bytes`));
      else controller.enqueue(chunk as Bytes);
    },
  });
}

type Bytes = Uint8Array<ArrayBuffer>;
type ByteStream = ReadableStream<Bytes>;

/** The bytes of an artifact. Chunks are read at the reader's pace, so that memory never holds the whole artifact. */
export async function streamArtifact(
  session: SessionApi,
  call: Call,
  artifactId: string,
): Promise<Outcome<ReadableStream<Uint8Array>>> {
  const artifact = await openArtifact(session, call, artifactId);
  return artifact.ok ? ok(artifact.value.stream) : artifact;
}

/** A chunk that is deleted before it is read breaks the stream, so that no reader takes a part for the whole. */
async function openArtifact(
  session: SessionApi,
  call: Call,
  artifactId: string,
): Promise<Outcome<{ first: Bytes; stream: ByteStream }>> {
  const opened = await session.artifactChunk(call, artifactId, 0);
  if (!opened.ok) return opened;
  const { data, chunks } = opened.value;
  const first = bytesOf(data);
  let waiting: Bytes | null = first;
  let next = 1;
  const stream = new ReadableStream<Bytes>({
    async pull(controller) {
      if (waiting) {
        controller.enqueue(waiting);
        waiting = null;
        return;
      }
      if (next === chunks) return controller.close();
      const chunk = await session.artifactChunk(call, artifactId, next++);
      if (chunk.ok) controller.enqueue(bytesOf(chunk.value.data));
      else controller.error(new Error(chunk.failure.detail));
    },
  });
  return ok({ first, stream });
}

function bytesOf(base64: string): Bytes {
  return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
}

/** Decodes the beginning of a patch, for display. It decodes chunks as one stream: a character may span two chunks. */
class PatchDecoder {
  readonly #lenient = new TextDecoder();
  readonly #strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  #isText = true;
  #isCut = false;

  async *decode(patch: ReadableStream<Uint8Array>): AsyncGenerator<string, void> {
    let left = MAX_SHOWN_PATCH_BYTES;
    for await (const bytes of patch) {
      this.#isCut = bytes.byteLength > left;
      const shown = bytes.subarray(0, left);
      left -= shown.byteLength;
      this.#check(() => this.#strict.decode(shown, { stream: true }));
      yield this.#lenient.decode(shown, { stream: true });
      if (this.#isCut) break;
    }
    // The cut may be inside a character, so the end is not checked.
    if (!this.#isCut) this.#check(() => this.#strict.decode());
    yield this.#lenient.decode();
  }

  /** What the whole decoding has shown. */
  facts(): Pick<SessionDiff, 'is_text' | 'is_cut'> {
    return { is_text: this.#isText, ...(this.#isCut && { is_cut: true }) };
  }

  #check(decode: () => string): void {
    try {
      if (this.#isText) decode();
    } catch {
      this.#isText = false;
    }
  }
}
