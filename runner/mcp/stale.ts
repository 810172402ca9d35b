import { ApiError } from '../../src/client/errors.ts';
import type { Json } from '../../src/domain/context/json.ts';
import type { Problem } from '../../src/protocol/common/errors.ts';
import { bounded } from './answers.ts';

const MAX_SHOWN_BYTES = 4_096;

/** A place in conflict: what it has now, and what the write would have made it. A value is absent if there is none. */
export interface StaleKey {
  path: string;
  current?: Json;
  yours?: Json;
  /** The places in it that were changed since the version of the write's condition. */
  changed?: { path: string; version: number }[];
}

interface Conflict extends ApiError {
  problem: Problem & { current: { version: number; can_merge: boolean; keys: StaleKey[]; more?: number } };
}

export function isConflict(error: unknown): error is Conflict {
  return error instanceof ApiError && error.code === 'context_conflict';
}

/**
 * Tells a model that somebody has changed what it was about to write, with both values, and what it can do.
 * @param lost the places whose refused values are not kept
 */
export function staleText(version: number, keys: readonly StaleKey[], lost: readonly string[] = []): string {
  const shown = keys.map(
    ({ path, current, yours }) => `${path}\n  now:   ${valueText(current)}\n  yours: ${valueText(yours)}`,
  );
  return [
    `Nothing was written: since you have read it, somebody else has changed this (version ${version} of the context):`,
    ...shown,
    'Set the right value, or a combination, even if it is the current one. Your next write replaces the current value. If you set nothing, your value of the session’s context is merged by the session’s merge_strategy when this task is done.',
    ...(lost.length === 0
      ? []
      : [`Your value of ${lost.join(', ')} cannot be kept until then. If you set nothing there, it is lost.`]),
  ].join('\n');
}

function valueText(value: Json | undefined): string {
  return value === undefined
    ? '(no value)'
    : bounded(JSON.stringify(value), MAX_SHOWN_BYTES, '… (cut off: use context_get)');
}
