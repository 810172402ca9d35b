import { utf8Length } from '../../protocol/common/limits.ts';
import type { EffectiveContext } from '../../protocol/context/merge.ts';
import type { TaskContext } from '../../protocol/run/task-context.ts';
import { pathOf, pointerOf, valueAt } from './edits.ts';
import { isObject, type Json, type JsonObject } from './json.ts';

/** The longest excerpt, in bytes of its paths and values, and the most places that it only names. */
export const MAX_EXCERPT_BYTES = 8_192;
const MAX_VALUE_BYTES = 2_048;
const MAX_NAMED = 20;

/**
 * As much of what is effective as a prompt can have: each value that is short, in the order of its place, as long as there
 * is room. A long object is taken apart, so that its short members are there. Secrets are masked in what is effective.
 */
export function excerptOf({ data, layers, origins }: EffectiveContext, maxBytes = MAX_EXCERPT_BYTES): TaskContext {
  const excerpt: TaskContext = { layers, values: [], left_out: [], more: 0 };
  let room = maxBytes;
  const take = (path: readonly string[], value: Json, layer: number): void => {
    const bytes = utf8Length(JSON.stringify(value));
    const place = pointerOf(path);
    const needed = bytes + utf8Length(place);
    if (bytes <= MAX_VALUE_BYTES && needed <= room) {
      room -= needed;
      excerpt.values.push({ path: place, value, layer });
    } else if (isObject(value) && bytes > MAX_VALUE_BYTES) {
      for (const [member, below] of Object.entries(value)) take([...path, member], below, layer);
    } else if (excerpt.left_out.length < MAX_NAMED && utf8Length(place) <= room) {
      room -= utf8Length(place);
      excerpt.left_out.push({ path: place, bytes });
    } else excerpt.more += 1;
  };
  for (const { path, context_id } of origins) {
    const place = pathOf(path);
    const layer = layers.findIndex((one) => one.context_id === context_id);
    take(place, valueAt(data as JsonObject, place)!, layer);
  }
  return excerpt;
}
