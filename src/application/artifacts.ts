import type { Call } from '../ports/calls.ts';
import type { SessionApi } from '../ports/sessions.ts';
import { type Outcome, ok } from '../protocol/common/errors.ts';
import type { SessionDiff } from '../protocol/session/checkpoint.ts';

/** The session's work up to its newest checkpoint, with the whole patch. */
export async function readDiff(session: SessionApi, call: Call): Promise<Outcome<SessionDiff>> {
  const source = await session.diff(call);
  if (!source.ok) return source;
  const { artifact, ...rest } = source.value;
  const decoder = new PatchDecoder();
  for (let index = 0; index < (artifact?.chunks ?? 0); index++) {
    const chunk = await session.artifactChunk(call, artifact?.id ?? '', index);
    if (!chunk.ok) return chunk;
    decoder.add(bytesOf(chunk.value));
  }
  return ok({ ...rest, ...decoder.end() });
}

/** The bytes of the patch of the newest checkpoint. */
export async function streamPatch(session: SessionApi, call: Call): Promise<Outcome<ReadableStream<Uint8Array>>> {
  const source = await session.diff(call);
  if (!source.ok) return source;
  const { artifact } = source.value;
  return artifact === null ? ok(new Blob([]).stream()) : streamArtifact(session, call, artifact.id);
}

/** An artifact's bytes. Chunks are read at the reader's pace, so that memory never holds the whole artifact. */
export async function streamArtifact(
  session: SessionApi,
  call: Call,
  artifactId: string,
): Promise<Outcome<ReadableStream<Uint8Array>>> {
  const first = await session.artifactChunk(call, artifactId, 0);
  if (!first.ok) return first;
  let waiting: Uint8Array | null = bytesOf(first.value);
  let next = 1;
  const stream = new ReadableStream<Uint8Array>({
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
  return ok(stream);
}

function bytesOf(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
}

/** Decodes a patch for a view. A chunk may end inside a character, so the chunks are decoded as one stream. */
class PatchDecoder {
  readonly #lenient = new TextDecoder();
  readonly #strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  #patch = '';
  #isText = true;

  add(bytes: Uint8Array): void {
    this.#patch += this.#lenient.decode(bytes, { stream: true });
    this.#check(() => this.#strict.decode(bytes, { stream: true }));
  }

  end(): Pick<SessionDiff, 'patch' | 'is_text'> {
    this.#check(() => this.#strict.decode());
    return { patch: this.#patch + this.#lenient.decode(), is_text: this.#isText };
  }

  #check(decode: () => string): void {
    try {
      if (this.#isText) decode();
    } catch {
      this.#isText = false;
    }
  }
}
