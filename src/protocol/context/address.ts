import * as z from 'zod';
import { SessionId, Uuid } from '../common/ids.ts';
import { type Infer, schema } from '../common/schema.ts';
import type { ContextId, ContextScope } from './context.ts';

/**
 * Whose a context is, and which of its owner's contexts. Its id derives from that, so the same name again is the same
 * context.
 */
export interface ContextOwner {
  scope: ContextScope;
  session_id: SessionId | null;
  agent_id: string | null;
  name: string;
}

/** The name of a context that is not named. */
export const MAIN = 'main';

const NAME = '[a-z0-9][a-z0-9_-]{0,62}';
const UUID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
const ADDRESS = new RegExp(`^(?:(session|agent)\\.(${UUID})|(global))(?:\\.(${NAME}))?$`);

export const ContextName = schema(() =>
  z
    .string()
    .regex(new RegExp(`^${NAME}$`), 'must be 1–63 lower-case letters, digits, dashes and underscores')
    .meta({ id: 'ContextName', description: 'The name of one of an owner’s contexts.', example: 'main' }),
);

/** An id, or the address of a context of a session, of an agent or of the workspace. */
export const ContextRef = schema(() =>
  z
    .string()
    .regex(
      new RegExp(`^(${UUID}|session\\.${UUID}(\\.${NAME})?|agent\\.${UUID}(\\.${NAME})?|global(\\.${NAME})?)$`),
      'must be the id of a context, or an address such as session.0198c2f0-1a2b-8c3d-9e4f-5a6b00000000',
    )
    .refine((ref) => isId(ref) || ownerAt(ref) !== null, 'names no session and no agent')
    .meta({
      id: 'ContextRef',
      description:
        'The id of a context, or its address: `session.<session_id>`, `agent.<agent_id>` or `global`, followed by `.<name>` unless the name is `main`. A context that has an address is made by the first write to it.',
      example: '3f0e1f5e-8a52-4f0c-9d0b-0d6f3a1b2c3d',
    }),
);
export type ContextRef = Infer<typeof ContextRef>;

/** Whether a reference is an id. */
export function isId(ref: string): ref is ContextId {
  return Uuid().safeParse(ref).success;
}

/**
 * The address of an owner's context; null if its scope has none.
 *
 * @example contextAddress({ scope: 'global', session_id: null, agent_id: null, name: 'notes' }) // 'global.notes'
 */
export function contextAddress({ scope, session_id, agent_id, name }: ContextOwner): string | null {
  if (scope === 'temporary') return null;
  const owner = session_id ?? agent_id;
  return [scope, ...(owner === null ? [] : [owner]), ...(name === MAIN ? [] : [name])].join('.');
}

/** The name of the session's context in which the runner keeps what a task was refused. */
export function taskContextName(task: number): string {
  return `task-${task}`;
}

/** The number of the task whose context has this name; null if it is another one. */
export function taskOfContext(name: string): number | null {
  const [, task] = /^task-(\d+)$/.exec(name) ?? [];
  return task === undefined ? null : Number(task);
}

/** The owner that an address names; null if it is no address. */
export function ownerAt(ref: string): ContextOwner | null {
  const [, kind, id, global, name = MAIN] = ADDRESS.exec(ref) ?? [];
  if (global) return { scope: 'global', session_id: null, agent_id: null, name };
  if (kind === 'agent' && isId(id!)) return { scope: 'agent', session_id: null, agent_id: id, name };
  if (kind !== 'session' || !SessionId().safeParse(id).success) return null;
  return { scope: 'session', session_id: id!, agent_id: null, name };
}
