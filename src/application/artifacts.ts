import type { Call } from '../ports/calls.ts';
import type { SessionApi } from '../ports/sessions.ts';
import { type Outcome, ok, refuse } from '../protocol/common/errors.ts';
import { GZIP_MAGIC, MAX_SHOWN_PATCH_BYTES, MAX_UNPACKED_PATCH_BYTES } from '../protocol/common/limits.ts';
import type { SessionDiff } from '../protocol/session/checkpoint.ts';

/** The session's work up to its newest checkpoint, with the beginning of the patch (see `MAX_SHOWN_PATCH_BYTES`). */
export async function readDiff(session: SessionApi, call: Call): Promise<Outcome<SessionDiff>> {
  const source = await session.diff(call);
  if (!source.ok) return source;
  const { artifact, ...rest } = source.value;
  const decoder = new PatchDecoder();
  if (artifact === null) return ok({ ...rest, ...decoder.end() });
  const patch = await unpackedPatch(session, call, artifact.id);
  if (!patch.ok) return patch;
  try {
    for await (const bytes of patch.value) if (!decoder.add(bytes)) break;
  } catch (error) {
    return refuse('unavailable', `The patch cannot be read: ${(error as Error).message}`);
  }
  return ok({ ...rest, ...decoder.end() });
}

/** The bytes of the patch of the newest checkpoint. */
export async function streamPatch(session: SessionApi, call: Call): Promise<Outcome<ReadableStream<Uint8Array>>> {
  const source = await session.diff(call);
  if (!source.ok) return source;
  const { artifact } = source.value;
  return artifact === null ? ok(new Blob([]).stream()) : unpackedPatch(session, call, artifact.id);
}

/** Opens a patch as git reads it: agents compress long patches, and this decompresses them. */
async function unpackedPatch(session: SessionApi, call: Call, id: string): Promise<Outcome<ByteStream>> {
  const artifact = await openArtifact(session, call, id);
  if (!artifact.ok) return artifact;
  const { first, stream } = artifact.value;
  if (first[0] !== GZIP_MAGIC) return ok(stream);
  return ok(stream.pipeThrough(new DecompressionStream('gzip')).pipeThrough(atMost(MAX_UNPACKED_PATCH_BYTES)));
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

/** An artifact's bytes. Chunks are read at the reader's pace, so that memory never holds the whole artifact. */
export async function streamArtifact(
  session: SessionApi,
  call: Call,
  artifactId: string,
): Promise<Outcome<ReadableStream<Uint8Array>>> {
  const artifact = await openArtifact(session, call, artifactId);
  return artifact.ok ? ok(artifact.value.stream) : artifact;
}

async function openArtifact(
  session: SessionApi,
  call: Call,
  artifactId: string,
): Promise<Outcome<{ first: Bytes; stream: ByteStream }>> {
  const opened = await session.artifactChunk(call, artifactId, 0);
  if (!opened.ok) return opened;
  const first = bytesOf(opened.value);
  let waiting: Bytes | null = first;
  let next = 1;
  const stream = new ReadableStream<Bytes>({
    async pull(controller) {
      if (waiting) {
        controller.enqueue(waiting);
        waiting = null;
        return;
      }
      const chunk = await session.artifactChunk(call, artifactId, next++);
      if (chunk.ok) controller.enqueue(bytesOf(chunk.value));
      else if (chunk.failure.code === 'not_found') controller.close();
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
  #patch = '';
  #isText = true;
  #left = MAX_SHOWN_PATCH_BYTES;
  #isCut = false;

  /** @returns whether there is room for more */
  add(bytes: Uint8Array): boolean {
    this.#isCut = bytes.byteLength > this.#left;
    const shown = bytes.subarray(0, this.#left);
    this.#left -= shown.byteLength;
    this.#patch += this.#lenient.decode(shown, { stream: true });
    this.#check(() => this.#strict.decode(shown, { stream: true }));
    return !this.#isCut;
  }

  end(): Pick<SessionDiff, 'patch' | 'is_text' | 'is_cut'> {
    const patch = this.#patch + this.#lenient.decode();
    // The cut may be inside a character, so the end is not checked.
    if (this.#isCut) return { patch, is_text: this.#isText, is_cut: true };
    this.#check(() => this.#strict.decode());
    return { patch, is_text: this.#isText };
  }

  #check(decode: () => string): void {
    try {
      if (this.#isText) decode();
    } catch {
      this.#isText = false;
    }
  }
}
