import { SECRET_MASK, type Visible } from '../../protocol/context/visible.ts';
import { type Edit, type Path, pathOf, pointerOf } from './edits.ts';
import { isObject, type Json, type JsonObject, memberOf } from './json.ts';
import { type PatchOperation, valueIn } from './json-patch.ts';

/** A place and what is below it are secret. JSON Pointer, never the root, never into an array. */
export type Mark = string;

/** What may be a position in an array, where values move: then the array is secret as a whole. */
const POSITION = /^(\d+|-)$/;

/** The mark of a place; null of the root, which cannot have one. */
export function markOf(place: Path): Mark | null {
  const position = place.findIndex((token, at) => at > 0 && POSITION.test(token));
  const marked = position < 0 ? place : place.slice(0, position);
  return marked.length === 0 ? null : pointerOf(marked);
}

/** The marks of places. @param paths JSON Pointers, with or without their first slash */
export function marksOf(paths: readonly string[] = []): Mark[] {
  const marks = paths.map((path) => markOf(pathOf(path.startsWith('/') ? path : `/${path}`)));
  return marks.filter((mark) => mark !== null);
}

/**
 * A value without what is secret.
 *
 * @param value the value of the place
 * @param place where it is or was; items of arrays by their positions or keys
 * @param data the data of the context, which says which tokens of the place lead into arrays
 */
export function mask(value: Json, place: Path, marks: readonly Mark[], data: JsonObject): Visible {
  const below: Path[] = [];
  for (const mark of marks.map(pathOf)) {
    const same = mark.findIndex((token, at) => token !== place[at]);
    if (same < 0 || arrayOnTheWay(data, place, same) !== null) return visible(SECRET_MASK);
    if (same === place.length) below.push(mark.slice(same));
  }
  return visible(hide(value, below));
}

/**
 * A place as it is shown: one in a secret is that of the secret, because the names in it are secret, too.
 *
 * @param data see `mask`
 */
export function shownPlace(place: Path, marks: readonly Mark[], data: JsonObject): Path {
  for (const mark of marks.map(pathOf)) {
    const same = mark.findIndex((token, at) => token !== place[at]);
    if (same < 0) return mark;
    const array = arrayOnTheWay(data, place, same);
    if (array !== null) return place.slice(0, array);
  }
  return place;
}

/** A value as it is, for a caller that may see what is secret. */
export function reveal(value: Json): Visible {
  return visible(value);
}

/** The marks of what some places have, for the context that gets it. @param keys JSON Pointers; null for all places */
export function marksWithin(marks: readonly Mark[], keys: readonly string[] | null): Mark[] {
  if (keys === null) return [...marks];
  return keys.flatMap((key) => marks.flatMap((mark) => common(pathOf(mark), pathOf(key)) ?? []));
}

/** The marks of the places to which a JSON Patch moves or copies secrets. */
export function marksMoved(marks: readonly Mark[], operations: readonly PatchOperation[]): Mark[] {
  const all = [...marks];
  for (const operation of operations) {
    if (!('from' in operation)) continue;
    const from = pathOf(operation.from);
    for (const secret of marksWithin(all, [operation.from])) {
      const moved = markOf([...pathOf(operation.path), ...pathOf(secret).slice(from.length)]);
      if (moved !== null) all.push(moved);
    }
  }
  return all.slice(marks.length);
}

/** A place at which edits would write the mask over a secret; undefined if there is none. */
export function maskIn(edits: readonly Edit[], marks: readonly Mark[]): string | undefined {
  return marks.find((mark) => edits.some(({ path, value }) => isMaskAt(pathOf(mark), pathOf(path), value)));
}

function isMaskAt(mark: Path, place: Path, value: Json | undefined): boolean {
  if (value === undefined || place.some((token, at) => at < mark.length && token !== mark[at])) return false;
  return valueIn(value, mark.slice(place.length)) === SECRET_MASK;
}

/** The length of the way to an array into which both the place and a mark lead, so that it is secret; null if none. */
function arrayOnTheWay(data: JsonObject, place: Path, parted: number): number | null {
  for (let length = 1; length <= Math.min(parted, place.length - 1); length++) {
    if (Array.isArray(valueIn(data, place.slice(0, length)))) return length;
  }
  return null;
}

/** The deeper one of two places, if one contains the other; null if not. */
function common(mark: Path, key: Path): Mark | null {
  const [short, long] = mark.length < key.length ? [mark, key] : [key, mark];
  return short.every((token, at) => token === long[at]) ? markOf(long) : null;
}

/** @param paths the secret places in the value */
function hide(value: Json, paths: readonly Path[]): Json {
  if (paths.length === 0) return value;
  if (paths.some((path) => path.length === 0) || Array.isArray(value)) return SECRET_MASK;
  if (!isObject(value)) return value;
  const shown = { ...value };
  for (const name of new Set(paths.map(([name]) => name!))) {
    const member = memberOf(value, name);
    const below = paths.filter(([first]) => first === name).map(([, ...rest]) => rest);
    if (member !== undefined) shown[name] = hide(member, below);
  }
  return shown;
}

const visible = (value: Json) => value as unknown as Visible;
