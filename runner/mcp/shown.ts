import { pathOf } from '../../src/domain/context/edits.ts';
import type { Json, JsonObject } from '../../src/domain/context/json.ts';
import { mask } from '../../src/domain/context/secrets.ts';
import type { Context } from '../../src/protocol/context/context.ts';
import { SECRET_MASK } from '../../src/protocol/context/visible.ts';

/** What a tool shows of a context: its secrets are masked, because an answer is in the conversation. */
export function shown({ version, data, secret_paths = [] }: Context) {
  const whole = data as JsonObject;
  const masked = (value: Json, place: string) => mask(value, pathOf(place), secret_paths, whole) as unknown as Json;
  return { version, data: masked(whole, '') as JsonObject, masked };
}

/** Whether a value has something secret in it. */
export function hasMask(value: Json | undefined): boolean {
  return value !== undefined && JSON.stringify(value).includes(JSON.stringify(SECRET_MASK));
}
