import type { ArtifactSender } from './artifact-sender.ts';
import type { CheckpointData } from './checkpoints.ts';
import type { ConversationState, ExportedPart, OpenCodePort } from './opencode-port.ts';

type Sent = NonNullable<CheckpointData['conversation']>;

/** The conversation of a lease in its checkpoints: first whole, then what is new since the checkpoint before. */
export class SentConversation {
  readonly #opencode: Pick<OpenCodePort, 'exportConversation'>;
  readonly #id: string;
  readonly #maxParts: number;
  #state: ConversationState | null = null;
  #last: Sent | null = null;

  /** @param maxParts the most parts that the session takes */
  constructor(opencode: Pick<OpenCodePort, 'exportConversation'>, id: string, maxParts: number) {
    this.#opencode = opencode;
    this.#id = id;
    this.#maxParts = maxParts;
  }

  /** The conversation as of now. */
  export(): Promise<ExportedPart> {
    return this.#opencode.exportConversation(this.#id, this.#state, this.#maxParts);
  }

  /** Sends an export. @returns what the checkpoint says of it */
  send(exported: ExportedPart, artifacts: ArtifactSender): Sent {
    // The session has what the checkpoint before named, or refuses this one.
    if (exported.kind === 'same' && this.#last !== null) return this.#last;
    if (exported.kind === 'same') throw new Error('nothing was exported before');
    const { format, bytes, state } = exported;
    const sent: Sent = { ...artifacts.send(bytes), format };
    if (exported.kind === 'continuation' && this.#last !== null) {
      const { parts = [], format: _, ...last } = this.#last;
      sent.parts = [...parts, last];
    }
    this.#state = state;
    this.#last = sent;
    return sent;
  }

  /** The session may have none of it: the next export is whole. */
  forget(): void {
    this.#state = null;
    this.#last = null;
  }
}
