import { type Edit, type Path, pathOf, pointerOf } from '../../src/domain/context/edits.ts';
import type { Json, JsonObject } from '../../src/domain/context/json.ts';
import { type Mark, mask, maskIn, reveal, shownPlace } from '../../src/domain/context/secrets.ts';
import { type Outcome, refuse } from '../../src/protocol/common/errors.ts';
import { MAX_SECRET_PATHS } from '../../src/protocol/common/limits.ts';
import { SECRET_MASK, type Visible } from '../../src/protocol/context/visible.ts';
import { CachedRows } from '../kit/storage/cached-rows.ts';
import type { ObjectStore } from '../kit/storage/store.ts';

/** The places of a context that are secret. Marks stay, also without a value, because the history has the old ones. */
export class Secrets {
  readonly #rows: CachedRows<{ path: Mark }>;
  readonly #reshaped: () => void;
  readonly #data: () => JsonObject;

  /** @param data the newest data @param reshaped is called in each transaction that changes the marks */
  constructor(store: ObjectStore, data: () => JsonObject, reshaped: () => void) {
    this.#rows = new CachedRows(store, 'secrets', 'path');
    this.#reshaped = reshaped;
    this.#data = data;
  }

  marks(): Mark[] {
    return this.#rows.all().map(({ path }) => path);
  }

  get any(): boolean {
    return this.#rows.all().length > 0;
  }

  /** The marks that are not there yet. */
  news(marks: readonly Mark[]): Mark[] {
    const known = new Set(this.marks());
    return [...new Set(marks)].filter((mark) => !known.has(mark));
  }

  /** Why a change cannot be made with these new marks; null if it can. */
  whyNot(edits: readonly Edit[], news: readonly Mark[]): Outcome<never> | null {
    const known = this.marks();
    if (known.length + news.length > MAX_SECRET_PATHS) {
      const detail = `The context would have more than ${MAX_SECRET_PATHS} secret places. Mark the object that contains them.`;
      return refuse('limit_reached', detail);
    }
    const masked = maskIn(edits, [...known, ...news]);
    if (masked === undefined) return null;
    const message = `${masked} would get ${SECRET_MASK}, which stands for a secret. Leave it out, or give its new value.`;
    return refuse('validation_failed', message, { errors: [{ path: masked, message }] });
  }

  /** Adds new marks. Part of a transaction. */
  add(news: readonly Mark[]): void {
    for (const path of news) this.#rows.put({ path });
    if (news.length > 0) this.#reshaped();
  }

  /** The context is deleted. Part of its transaction. */
  clear(): void {
    for (const path of this.marks()) this.#rows.remove(path);
  }

  /** A value as it is shown where secrets are not, whoever asks. @param place where it is or was */
  mask(value: Json, place: Path = []): Visible {
    const marks = this.marks();
    // The data of a retired context is not here. It has no secrets.
    return marks.length === 0 ? reveal(value) : mask(value, place, marks, this.#data());
  }

  /** A place as it is shown. */
  placeOf(path: string): string {
    const marks = this.marks();
    return marks.length === 0 ? path : pointerOf(shownPlace(pathOf(path), marks, this.#data()));
  }

  /** Edits as they are shown: one in a secret is a change of the secret, which is shown once. */
  maskEdits(edits: readonly Edit[]): { path: string; value?: Visible }[] {
    const shown = edits.map(({ path, value }) => {
      const place = this.placeOf(path);
      return { path: place, ...this.maskAs('value', place === path ? value : SECRET_MASK, place) };
    });
    return onePerPlace(shown);
  }

  /** A value with a name, if there is one. */
  maskAs<Name extends string>(name: Name, value: Json | undefined, path: string): { [N in Name]?: Visible } {
    return value === undefined ? {} : ({ [name]: this.mask(value, pathOf(path)) } as { [N in Name]: Visible });
  }
}

/** Of several items at one place, only the first one. */
export function onePerPlace<Item extends { path: string }>(items: readonly Item[]): Item[] {
  return [...new Map(items.toReversed().map((item) => [item.path, item])).values()].reverse();
}
