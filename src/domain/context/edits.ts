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
 * are missing are created, and other values on the way are replaced. Each object is copied at most once.
 */
export function applyEdits(value: JsonObject, edits: readonly Edit[]): JsonObject {
  const copies = new Set<JsonObject>();
  const copyOf = (original: Json | undefined): JsonObject => {
    if (isObject(original) && copies.has(original)) return original;
    const copy = isObject(original) ? { ...original } : {};
    copies.add(copy);
    return copy;
  };
  let root = value;
  for (const edit of edits) {
    const path = pathOf(edit.path);
    if (edit.value === undefined && valueAt(root, path) === undefined) continue;
    root = copyOf(root);
    let at = root;
    for (const member of path.slice(0, -1)) {
      const below = copyOf(memberOf(at, member));
      at[member] = below;
      at = below;
    }
    const last = path.at(-1)!;
    if (edit.value === undefined) delete at[last];
    else setMember(at, last, edit.value);
  }
  return root;
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
