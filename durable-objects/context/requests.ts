import { applyMergePatch, pathOf } from '../../src/domain/context/edits.ts';
import type { Json, JsonObject } from '../../src/domain/context/json.ts';
import { applyJsonPatch, operationsToPut, type PatchOperation } from '../../src/domain/context/json-patch.ts';
import type { Call } from '../../src/ports/calls.ts';
import { type Outcome, ok, refuse } from '../../src/protocol/common/errors.ts';
import type { ContextJsonPatch, UpdateContextRequest } from '../../src/protocol/context/requests.ts';
import type { Expected } from './changes.ts';

/** What requests make of the data of a context. */

/** The versions that a request accepts; undefined if it accepts any. Of two conditions, both count. */
export function expectedBy({ if_match }: Call, expected_version?: number): Expected {
  if (expected_version === undefined) return { versions: if_match };
  return { versions: if_match?.filter((version) => version === expected_version) ?? [expected_version] };
}

/** The data after a patch. Fails if an operation of a JSON Patch cannot be done. */
export function patched(data: JsonObject, request: UpdateContextRequest | ContextJsonPatch): Outcome<JsonObject> {
  if ('updates' in request) return ok(applyMergePatch(data, request.updates as JsonObject));
  const result = applyJsonPatch(data, request.operations as PatchOperation[]);
  if ('value' in result) return ok(result.value);
  const detail = `The operation ${result.index} cannot be done: ${result.problem}. None was done.`;
  return refuse('validation_failed', detail, { errors: [{ path: String(result.index), message: result.problem }] });
}

/** The data with a value at a place. Fails if the value cannot be there. @param path JSON Pointer, also into arrays */
export function withKey(data: JsonObject, path: string, value: unknown): Outcome<JsonObject> {
  const result = applyJsonPatch(data, operationsToPut(data, pathOf(path), value as Json));
  if ('value' in result) return ok(result.value);
  return refuse('validation_failed', `The value cannot be put there: ${result.problem}.`, {
    errors: [{ path: 'path', message: result.problem }],
  });
}
