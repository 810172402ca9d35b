import * as z from 'zod';
import { AgentName } from '../agent/agent.ts';
import { Uuid } from '../common/ids.ts';
import { Assignment, Command } from './assignment.ts';

/**
 * The run socket of a lease: `GET /ws/leases/{task_id}/{epoch}`, subprotocol `oio.v1`, to the session itself.
 *
 * The first (agent, instance) to present (task, epoch) wins and anyone else hears `gone`. Epochs only grow; a frame of
 * an old one is answered `lease_lost` and changes nothing. What an agent does to the world directly cannot be fenced:
 * events are exactly once, side effects of tools at least once.
 *
 * `ping` as a bare text is answered `pong` without waking the object and keeps the lease alive.
 */

export const RunUp = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('present'),
    agent_id: Uuid,
    agent_name: AgentName,
    instance_id: Uuid,
    /** Lives in the agent's buffer file: a lost buffer is another stream, and ends the lease. */
    stream_id: Uuid,
    /** The highest number that the buffer has given out. */
    head: z.int().min(0),
    repository: z.string().nullable(),
  }),
  /**
   * `frames` are parsed one by one, so that a bad one is rejected alone: a numbered frame is always consumed.
   */
  z.object({ type: z.literal('frames'), frames: z.array(z.unknown()).max(1_000) }),
  z.object({ type: z.literal('command_ack'), id: z.int().min(1) }),
]);
export type RunUp = z.infer<typeof RunUp>;

export const RunDown = z.discriminatedUnion('type', [
  /** The lease is yours. `acked`: the number up to which frames of this stream are stored. */
  z.object({ type: z.literal('lease'), assignment: Assignment, acked: z.int(), ttl_ms: z.int() }),
  /** Everything up to `n` is stored. */
  z.object({ type: z.literal('ack'), n: z.int() }),
  /** A gap: go on from `n`. */
  z.object({ type: z.literal('expected'), n: z.int() }),
  /** Numbered, kept until acknowledged, sent again after a reconnect; idempotent by `id`. */
  z.object({ type: z.literal('command'), id: z.int(), command: Command }),
  /** The lease has ended as it should (result stored, released): all is acknowledged, drop the buffer. */
  z.object({ type: z.literal('ended'), reason: z.string() }),
  /** It is not, or no longer, yours: abort the turn, drop the buffer. */
  z.object({ type: z.literal('lease_lost'), reason: z.string() }),
  /** Someone else was first, or the offer was cancelled. */
  z.object({ type: z.literal('gone'), reason: z.string() }),
]);
export type RunDown = z.infer<typeof RunDown>;
