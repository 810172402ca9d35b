import { type Edit, type Path, pathOf, pointerOf } from './edits.ts';
import { valueIn } from './json-patch.ts';

/**
 * What edits change at a place and below it. An edit of something that contains the place becomes one of the place: its
 * new value, or its removal if there is none, even if there was none before.
 *
 * @param place the members from the root; edits of the root's are all edits
 */
export function editsAt(edits: readonly Edit[], place: Path): Edit[] {
  if (place.length === 0) return [...edits];
  return edits.flatMap(({ path, value }): Edit[] => {
    const members = pathOf(path);
    const isBelow = members.length >= place.length;
    if (!members.slice(0, place.length).every((member, at) => member === place[at])) return [];
    if (isBelow) return [value === undefined ? { path } : { path, value }];
    const found = value === undefined ? undefined : valueIn(value, place.slice(members.length));
    return [found === undefined ? { path: pointerOf(place) } : { path: pointerOf(place), value: found }];
  });
}
