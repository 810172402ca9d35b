import type { Event } from '@opencode-ai/sdk/v2/client';
import { readSetting } from '../../src/configuration/read.ts';
import type { NamesOf, ValueOf } from '../../src/configuration/settings.ts';
import { spellDuration } from '../../src/domain/duration.ts';
import {
  type Bounds,
  type CallCounts,
  type GivenCeilings,
  judgeCalls,
  type ReachedCeiling,
  settingOfCeiling,
  silentTooLong,
} from '../../src/domain/session/ceilings.ts';
import type { Assignment } from '../../src/protocol/run/assignment.ts';
import type { AgentFrameBody } from '../../src/protocol/run/frames.ts';
import { type CeilingName, Ceilings } from '../../src/protocol/session/ceilings.ts';
import type { ModelFailure } from '../opencode/mapping/mapping.ts';

type ReadSetting = <N extends NamesOf<'agent'>>(name: N) => ValueOf<N>;

/** The ceilings of an agent. @param read reads a setting; by default, its default */
export function readCeilings(read: ReadSetting = (name) => readSetting(name, {})): GivenCeilings {
  return Object.fromEntries(
    (Object.keys(Ceilings().shape) as CeilingName[]).map((name) => [name, read(settingOfCeiling(name))]),
  ) as GivenCeilings;
}

/** Watches the model's calls of one assignment. */
export class CeilingWatch {
  readonly #bounds: Bounds;
  readonly #before: Assignment['usage_before'];
  #reached: ReachedCeiling | null = null;
  /** The number of answered calls at the last silence. */
  #silentAfter: number | null = null;
  #isCostWarned = false;

  /** @param before what earlier leases of the run have used */
  constructor(bounds: Bounds, before: Assignment['usage_before']) {
    this.#bounds = bounds;
    this.#before = before;
  }

  /** The ceiling that was reached first. */
  get reached(): ReachedCeiling | null {
    return this.#reached;
  }

  get maxSilenceMs(): number {
    return (this.#bounds.max_silence_seconds?.value ?? Number.POSITIVE_INFINITY) * 1_000;
  }

  /**
   * Whether the run must end at this event. It ends before another call: when a step that called tools has ended, when
   * the next call begins, or when a call has failed. An answer that ends the turn by itself is not cut off.
   */
  endsRun(event: Event, isNewCall: boolean, calls: CallCounts): boolean {
    const isBeforeCall =
      isNewCall ||
      (event.type === 'session.status' && event.properties.status.type === 'retry') ||
      (event.type === 'message.part.updated' &&
        event.properties.part.type === 'step-finish' &&
        event.properties.part.reason === 'tool-calls');
    return isBeforeCall && this.isReached(calls);
  }

  isReached(calls: CallCounts): boolean {
    const { turns, cost_usd } = this.#before;
    this.#reached ??= judgeCalls(
      { ...calls, turns: calls.turns + turns, cost_usd: calls.cost_usd + cost_usd },
      this.#bounds,
    );
    return this.#reached !== null;
  }

  /** What people must know about the ceilings when a frame is reported; null for nothing, and each time but the first. */
  warning(frame: AgentFrameBody): string | null {
    if (frame.type !== 'usage' || !frame.data.unpriced || this.#isCostWarned) return null;
    if (this.#bounds.max_cost_usd === undefined) return null;
    this.#isCostWarned = true;
    return `The limit of cost does not count everything: a turn of ${frame.data.model} has no known price.`;
  }

  /** The model was silent for too long. It is asked again once; if it was silent before it answered, the turn fails. */
  silent({ turns }: CallCounts): { type: 'again'; text: string } | { type: 'failed'; failure: ModelFailure } {
    if (this.#silentAfter === turns) return { type: 'failed', failure: silentTooLong(this.#bounds) };
    this.#silentAfter = turns;
    return {
      type: 'again',
      text: `The model sent nothing for ${spellDuration(this.maxSilenceMs)}: it is asked again.`,
    };
  }
}
