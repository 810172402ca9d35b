import { createHash, randomUUID } from 'node:crypto';
import { CHUNK_BYTES } from '../../src/protocol/common/limits.ts';
import type { AgentFrameBody } from '../../src/protocol/run/frames.ts';

/** An artifact of a lease, as a checkpoint names it. */
export interface Artifact {
  artifact_id: string;
  bytes: number;
  sha256: string;
}

/** Sends artifacts as chunks. What the checkpoint before has is not sent again. */
export class ArtifactSender {
  readonly #report: (frame: AgentFrameBody) => void;
  #before = new Map<string, Artifact>();
  #sent = new Map<string, Artifact>();

  constructor(report: (frame: AgentFrameBody) => void) {
    this.#report = report;
  }

  /** Begins a checkpoint. The session may have deleted the artifacts of all but the last one. */
  begin(): void {
    this.#before = this.#sent;
    this.#sent = new Map();
  }

  /** The session may have none of the artifacts. */
  forget(): void {
    this.#sent.clear();
  }

  send(bytes: Uint8Array): Artifact {
    const sha256 = checksumOf(bytes);
    const known = this.#before.get(sha256);
    const artifact = known ?? { artifact_id: randomUUID(), bytes: bytes.byteLength, sha256 };
    if (known === undefined) this.#sendChunks(artifact.artifact_id, bytes);
    this.#sent.set(sha256, artifact);
    return artifact;
  }

  #sendChunks(artifact_id: string, bytes: Uint8Array): void {
    for (let index = 0; index * CHUNK_BYTES < bytes.byteLength; index++) {
      const chunk = bytes.subarray(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES);
      const data = { artifact_id, index, data: Buffer.from(chunk).toString('base64') };
      this.#report({ type: 'artifact.chunk', data });
    }
  }
}

export function checksumOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
