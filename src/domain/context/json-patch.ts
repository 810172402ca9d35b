import { FORBIDDEN_NAMES } from './bounds.ts';
import { type Path, pathOf, pointerOf } from './edits.ts';
import { isObject, isSame, type Json, type JsonObject, memberOf } from './json.ts';

/** An operation of a JSON Patch (RFC 6902 §4). Paths are JSON Pointers. */
export type PatchOperation =
  | { op: 'add' | 'replace' | 'test'; path: string; value: Json }
  | { op: 'remove'; path: string }
  | { op: 'move' | 'copy'; path: string; from: string };

/** Why an operation cannot be done, as the end of a sentence. */
class Problem extends Error {}

/**
 * A JSON Patch applied to a value (RFC 6902): all of its operations, or none. The given value does not change.
 *
 * @returns the new value, or the first operation that cannot be done, and why
 */
export function applyJsonPatch(
  value: JsonObject,
  operations: readonly PatchOperation[],
): { value: JsonObject } | { index: number; problem: string } {
  const patching = new Patching(value);
  for (const [index, operation] of operations.entries()) {
    try {
      patching.apply(operation);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      return { index, problem: error.message };
    }
  }
  return { value: patching.value };
}

/** The value at a place, which may be in an array; undefined if there is none. */
export function valueIn(value: Json, path: Path): Json | undefined {
  let found: Json | undefined = value;
  for (const token of path) found = childOf(found, token);
  return found;
}

/**
 * The operations that put a value at a place, with the objects on the way that are missing. A place in an array must
 * exist, or be `-`, which is behind its last item.
 */
export function operationsToPut(value: JsonObject, path: Path, put: Json): PatchOperation[] {
  const missing = path.findIndex((_, index) => valueIn(value, path.slice(0, index)) === undefined);
  const at = missing < 0 ? path : path.slice(0, missing);
  // A computed name makes a member, whatever the name, and the bounds refuse a wrong one.
  const nested = path.slice(at.length).reduceRight<Json>((inner, name) => ({ [name]: inner }), put);
  const inArray = Array.isArray(valueIn(value, at.slice(0, -1))) && at.at(-1) !== '-';
  return [{ op: inArray ? 'replace' : 'add', path: pointerOf(at), value: nested }];
}

/** The item or the member that a token names; undefined if there is none. */
function childOf(value: Json | undefined, token: string): Json | undefined {
  if (!Array.isArray(value)) return memberOf(value, token);
  return INDEX.test(token) ? value[Number(token)] : undefined;
}

/** RFC 6901 §4. */
const INDEX = /^(0|[1-9]\d{0,8})$/;

class Patching {
  value: JsonObject;
  /** What was copied already, and so belongs to the new value alone. Each object and array is copied at most once. */
  readonly #own = new Set<Json>();

  constructor(value: JsonObject) {
    this.value = value;
  }

  apply(operation: PatchOperation): void {
    const path = pathOf(operation.path);
    switch (operation.op) {
      case 'add':
        return this.#add(path, operation.value);
      case 'remove':
        return this.#remove(path);
      case 'replace':
        return this.#replace(path, operation.value);
      case 'test':
        if (isSame(this.#existing(path), operation.value)) return;
        throw new Problem(`${placeOf(path)} has another value`);
      case 'copy':
        // Two places with one value would change together.
        return this.#add(path, structuredClone(this.#existing(pathOf(operation.from))));
      case 'move': {
        const from = pathOf(operation.from);
        const moved = this.#existing(from);
        if (from.length < path.length && from.every((token, index) => token === path[index])) {
          throw new Problem(`${placeOf(from)} cannot be moved into itself`);
        }
        this.#remove(from);
        return this.#add(path, moved);
      }
    }
  }

  #existing(path: Path): Json {
    const found = valueIn(this.value, path);
    if (found === undefined) throw new Problem(`there is no ${placeOf(path)}`);
    return found;
  }

  #add(path: Path, value: Json): void {
    if (path.length === 0) return this.#setRoot(value);
    const [parent, token] = this.#parentOf(path);
    if (!Array.isArray(parent)) parent[nameIn(token)] = value;
    else if (token === '-') parent.push(value);
    else parent.splice(indexIn(token, parent.length), 0, value);
  }

  #replace(path: Path, value: Json): void {
    this.#existing(path);
    if (path.length === 0) return this.#setRoot(value);
    const [parent, token] = this.#parentOf(path);
    if (Array.isArray(parent)) parent[Number(token)] = value;
    else parent[token] = value;
  }

  #remove(path: Path): void {
    this.#existing(path);
    if (path.length === 0) throw new Problem('the context itself cannot be removed');
    const [parent, token] = this.#parentOf(path);
    if (Array.isArray(parent)) parent.splice(Number(token), 1);
    else delete parent[token];
  }

  #setRoot(value: Json): void {
    if (!isObject(value)) throw new Problem('a context is an object');
    this.value = value;
  }

  /** What contains the last token of a path, as a copy of our own. */
  #parentOf(path: Path): [parent: Json[] | JsonObject, token: string] {
    let at: Json[] | JsonObject = this.#owned(this.value);
    this.value = at as JsonObject;
    for (const [index, token] of path.slice(0, -1).entries()) {
      const below = childOf(at, token);
      const place = placeOf(path.slice(0, index + 1));
      if (below === undefined) throw new Problem(`there is no ${place}`);
      if (typeof below !== 'object' || below === null) throw new Problem(`${place} is no object and no array`);
      const copy = this.#owned(below);
      if (Array.isArray(at)) at[Number(token)] = copy;
      else at[token] = copy;
      at = copy;
    }
    return [at, path.at(-1)!];
  }

  #owned<T extends Json[] | JsonObject>(value: T): T {
    if (this.#own.has(value)) return value;
    const copy = (Array.isArray(value) ? [...value] : { ...value }) as T;
    this.#own.add(copy);
    return copy;
  }
}

function placeOf(path: Path): string {
  return path.length === 0 ? 'the context' : `“${pointerOf(path)}”`;
}

/** An assignment to such a name would change the prototype of the value. */
function nameIn(token: string): string {
  if (FORBIDDEN_NAMES.has(token)) throw new Problem(`a member cannot have the name “${token}”`);
  return token;
}

function indexIn(token: string, length: number): number {
  if (!INDEX.test(token)) throw new Problem(`“${token}” is no index of an array`);
  if (Number(token) > length) throw new Problem(`the array has only ${length} items`);
  return Number(token);
}
