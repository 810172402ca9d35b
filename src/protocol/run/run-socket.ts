import * as z from 'zod';
import { AgentName } from '../agent/agent.ts';
import { BOUNDED_JSON, Commit, Count, Ordinal } from '../common/bounds.ts';
import { Capabilities } from '../common/enums.ts';
import { TaskId, Uuid } from '../common/ids.ts';
import { MAX_FRAME_BYTES, MAX_LABEL_CHARS, MAX_LABELS } from '../common/limits.ts';
import { type Infer, schema } from '../common/schema.ts';
import { Assignment, Command, Prompt } from './assignment.ts';

/**
 * The run socket of a lease: `GET /ws/leases/{task_id}/{epoch}`, subprotocol `oio.v1`. It connects the agent to the
 * session itself.
 *
 * The first (agent, instance) that was offered (task, epoch) and claims it with `present` gets the lease. Every other one
 * gets `gone`.
 * Epochs only grow: a frame of an older epoch gets `lease_lost` and changes nothing. The session cannot undo what an
 * agent does to the outside world. Therefore events are recorded exactly once, but side effects of tools happen at
 * least once.
 *
 * The platform answers the bare text `ping` with `pong` without waking the object. A ping keeps the lease alive.
 *
 * One socket can serve all leases that an agent holds in a session. An agent that says so in `present` gets messages that
 * name their lease (`of`), and may then claim and report other leases of the session on the same socket. A message
 * without `of` concerns the lease of the socket's path.
 */

const MAX_PROOF_CHARS = 100;
/** The socket bounds its frames. */
const AnyFrame = schema(() => z.unknown().register(BOUNDED_JSON, { chars: MAX_FRAME_BYTES }));

/** The lease that a message concerns. */
const Of = schema(() => z.object({ task_id: TaskId(), epoch: Ordinal() }));

export const RunUp = schema(() =>
  z.discriminatedUnion('type', [
    z.object({
      type: z.literal('present'),
      agent_id: Uuid(),
      agent_name: AgentName(),
      instance_id: Uuid(),
      /**
       * Stored in the agent's buffer file. A new buffer has another stream id, so the loss of a buffer ends the lease.
       */
      stream_id: Uuid(),
      /** The number of the newest frame in the buffer. */
      head: Count(),
      repository: Commit().nullable(),
      /** The commit that is checked out in its clone, on which the session's work is based if nothing else says so. */
      head_commit: Commit().nullable().optional(),
      /**
       * Whether it builds the commits of `Assignment.start`, and merges them. Work that needs a merge goes only to such
       * an agent; any other one is treated as if it had refused.
       */
      can_merge: z.boolean().optional(),
      /**
       * The proof from the offer. It holds for the agent, instance, repository and token to which the offer was made.
       * Only a first claim needs it: later ones show the stream id, which nobody else knows.
       */
      proof: z.string().max(MAX_PROOF_CHARS).optional(),
      of: Of().optional(),
      /** Whether the agent understands messages of several leases on this socket, and `next` of `ended`. */
      shared: z.literal(true).optional(),
      /** What the agent can do, as in its hello. Without them, it is only given next what requires no more. */
      capabilities: Capabilities().optional(),
      labels: z.array(z.string().max(MAX_LABEL_CHARS)).max(MAX_LABELS).optional(),
    }),
    /** Each frame is parsed by itself, so that an invalid one is rejected alone. It is acknowledged all the same. */
    z.object({ type: z.literal('frames'), frames: z.array(AnyFrame()).max(1_000), of: Of().optional() }),
    z.object({ type: z.literal('command_ack'), id: Ordinal(), of: Of().optional() }),
  ]),
);
export type RunUp = Infer<typeof RunUp>;

/** Each message on a shared socket names its lease. The first one tells the agent that the session shares it. */
const OfShared = schema(() => z.object({ of: Of().optional() }));

/** A lease that an agent has got with the end of another one. */
export const NextLease = schema(() =>
  z.object({
    stream_id: z.string(),
    assignment: Assignment(),
    ttl_ms: z.int(),
    /** The prompts after `messages_done`. Later ones follow as commands. */
    messages: z.array(Prompt()),
  }),
);
export type NextLease = Infer<typeof NextLease>;

export const RunDown = schema(() =>
  z.discriminatedUnion('type', [
    /** The claim is granted. `acked`: frames of this stream are stored up to this number. */
    z.object({
      type: z.literal('lease'),
      assignment: Assignment(),
      acked: z.int(),
      saved: z.int(),
      ttl_ms: z.int(),
      ...OfShared().shape,
    }),
    /**
     * The number of the newest `checkpoint` frame of this lease that the session has stored; 0 when there is none. It
     * comes before the `ack` of any checkpoint, so an acknowledged checkpoint with a higher number was refused.
     */
    z.object({ type: z.literal('saved'), n: z.int(), ...OfShared().shape }),
    /** All frames up to `n` are stored. */
    z.object({ type: z.literal('ack'), n: z.int(), ...OfShared().shape }),
    /** There is a gap: send again from frame `n`. */
    z.object({ type: z.literal('expected'), n: z.int(), ...OfShared().shape }),
    /** Commands are numbered by `id`, kept until they are acknowledged, and sent again after a reconnect. */
    z.object({ type: z.literal('command'), id: z.int(), command: Command(), ...OfShared().shape }),
    /** The lease has ended regularly, with a result or a release. All frames are acknowledged; delete the buffer. */
    z.object({
      type: z.literal('ended'),
      reason: z.string(),
      saved: z.int(),
      /**
       * On a shared socket: the agent has the lease of another task of the session now. It names its buffer with this
       * stream id, and reports on this socket.
       */
      next: NextLease().optional(),
      ...OfShared().shape,
    }),
    /** The agent does not hold the lease (any more). Abort the turn and delete the buffer. */
    z.object({ type: z.literal('lease_lost'), reason: z.string(), saved: z.int().optional(), ...OfShared().shape }),
    /** Another agent was first, or the offer was cancelled. `deleted`: the session was deleted, with all of its work. */
    z.object({ type: z.literal('gone'), reason: z.string(), deleted: z.boolean().optional(), ...OfShared().shape }),
  ]),
);
export type RunDown = Infer<typeof RunDown>;
