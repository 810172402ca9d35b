import { isObject, isSame, type Json, type JsonObject, memberOf } from './json.ts';

/**
 * A change of one place in a context: its new value or, without `value`, that it is removed. `path` is a JSON Pointer
 * (RFC 6901). Arrays are one value, so no path leads into one. In a list of edits, no path leads into another one's value.
 *
 * @example
 * const edits: Edit[] = [{ path: '/build/status', value: 'green' }, { path: '/build/owner' }];
 */
export interface Edit {
  path: string;
  value?: Json;
}

/** The members from the root to a place. */
export type Path = readonly string[];

/** The members that a JSON Pointer names (RFC 6901 §4). It is empty, or begins with a slash. */
export function pathOf(pointer: string): string[] {
  const members = pointer.split('/').slice(1);
  return members.map((member) => member.replaceAll('~1', '/').replaceAll('~0', '~'));
}

export function pointerOf(path: Path): string {
  return path.map((member) => `/${member.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** The edits that make `after` of `before`: as few and as deep as possible. Shared parts cost nothing. */
export function editsBetween(before: JsonObject, after: JsonObject): Edit[] {
  const edits: Edit[] = [];
  compare(before, after, [], edits);
  return edits;
}

function compare(before: JsonObject, after: JsonObject, path: Path, edits: Edit[]): void {
  if (before === after) return;
  for (const member of Object.keys(before)) {
    if (!Object.hasOwn(after, member)) edits.push({ path: pointerOf([...path, member]) });
  }
  for (const [member, value] of Object.entries(after)) {
    const old = memberOf(before, member);
    const place = [...path, member];
    if (isObject(old) && isObject(value)) compare(old, value, place, edits);
    else if (!isSame(old, value)) edits.push({ path: pointerOf(place), value });
  }
}

/**
 * Makes the edits. The given value does not change, and the new one shares with it what stays. Objects on the way that
 * are missing are created, and other values on the way are replaced.
 */
export function applyEdits(value: JsonObject, edits: readonly Edit[]): JsonObject {
  const editing = new Editing(value);
  for (const edit of edits) editing.make(edit);
  return editing.value;
}

/** Makes edits one after another. Each object is copied at most once. */
export class Editing {
  value: JsonObject;
  readonly #copies = new Set<JsonObject>();

  /** @param value does not change */
  constructor(value: JsonObject) {
    this.value = value;
  }

  make({ path, value }: Edit): void {
    const members = pathOf(path);
    if (value === undefined && valueAt(this.value, members) === undefined) return;
    this.value = this.#copyOf(this.value);
    let at = this.value;
    for (const member of members.slice(0, -1)) {
      const below = this.#copyOf(memberOf(at, member));
      at[member] = below;
      at = below;
    }
    const last = members.at(-1)!;
    if (value === undefined) delete at[last];
    else setMember(at, last, value);
  }

  #copyOf(original: Json | undefined): JsonObject {
    if (isObject(original) && this.#copies.has(original)) return original;
    const copy = isObject(original) ? { ...original } : {};
    this.#copies.add(copy);
    return copy;
  }
}

/** The value at a place; undefined if there is none. */
export function valueAt(value: JsonObject, path: Path): Json | undefined {
  let found: Json | undefined = value;
  for (const member of path) found = memberOf(found, member);
  return found;
}

/** A JSON merge patch applied to a value (RFC 7396): members are set, and null removes one. */
export function applyMergePatch(value: JsonObject, patch: JsonObject): JsonObject {
  const result = { ...value };
  for (const [member, change] of Object.entries(patch)) {
    if (change === null) delete result[member];
    else if (isObject(change)) {
      const old = memberOf(result, member);
      setMember(result, member, applyMergePatch(isObject(old) ? old : {}, change));
    } else setMember(result, member, change);
  }
  return result;
}

/** Sets a member. An assignment to `__proto__` would make none, so that nobody could refuse it. */
function setMember(object: JsonObject, name: string, value: Json): void {
  if (name !== '__proto__') object[name] = value;
  else Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
}
