import { expect } from 'vitest';
import type { Client } from '../../../src/client/client.ts';
import { ApiError } from '../../../src/client/errors.ts';
import { applyEdits, type Edit } from '../../../src/domain/context/edits.ts';
import type { JsonObject } from '../../../src/domain/context/json.ts';

/** Every so many writes name the version that their writer has seen last, so that others may be in the way. */
const CONDITIONAL = 3;

/** A program that counts up its own member of a context, and reads after each write. */
export class ContextWriter {
  readonly ref: string;
  readonly name: string;
  /** The value of each of its versions that was acknowledged. */
  readonly acknowledged = new Map<number, number>();
  /** Of writes that were refused, because others had written. */
  refused = 0;
  readonly #client: Client;
  #seen = 0;
  #isOver = false;
  readonly #done: Promise<unknown>;

  /** Writes from now on. @param client its own one, which remembers what it has seen */
  constructor(client: Client, ref: string, name: string) {
    this.ref = ref;
    this.name = name;
    this.#client = client;
    this.#done = this.#run().catch((error: unknown) => error);
  }

  /** Resolves after its last write. @throws what went wrong */
  async stop(): Promise<void> {
    this.#isOver = true;
    const failure = await this.#done;
    if (failure) throw failure;
  }

  /** @throws what went wrong */
  async check(): Promise<void> {
    const failure = await Promise.race([this.#done, Promise.resolve()]);
    if (failure) throw failure;
  }

  async #run(): Promise<void> {
    let written = 0;
    for (let number = 1; !this.#isOver; number++) {
      const version = await this.#write(number);
      if (version !== null) {
        this.acknowledged.set(version, number);
        written = number;
      }
      const read = await this.#client.contexts.get(this.ref, this.#seen > 0 ? { min_version: this.#seen } : {});
      expect(read.version, 'a read is never older than what was seen').toBeGreaterThanOrEqual(this.#seen);
      expect(read.data[this.name] ?? 0, 'a read has what its reader has written').toBe(written);
      this.#seen = read.version;
    }
  }

  /** @returns the version; null if others were faster */
  async #write(number: number): Promise<number | null> {
    const isConditional = number % CONDITIONAL === 0 && this.#seen > 0;
    const condition = isConditional ? { expected_version: this.#seen } : {};
    try {
      const { version } = await this.#client.contexts.update(this.ref, {
        updates: { [this.name]: number },
        ...condition,
      });
      expect(version).toBeGreaterThan(this.#seen);
      this.#seen = version;
      return version;
    } catch (error) {
      if (!(error instanceof ApiError && error.code === 'context_conflict')) throw error;
      this.refused++;
      return null;
    }
  }
}

/**
 * Expects of a context that its versions are the acknowledged writes of its writers, each once and without a gap, and
 * that its history, replayed, gives its value. @returns its id and version
 */
export async function expectAllWritten(client: Client, ref: string, writers: readonly ContextWriter[]) {
  const { id, version, data } = await client.contexts.get(ref);
  const made = writers.flatMap(({ acknowledged, name }) =>
    [...acknowledged].map(([of, number]) => ({ version: of, updates: { [name]: number } })),
  );
  made.sort((a, b) => a.version - b.version);
  expect(made.map((one) => one.version)).toEqual(Array.from({ length: version }, (_, index) => index + 1));
  expect(data).toEqual(Object.assign({}, ...made.map(({ updates }) => updates)));

  const { base_version } = await client.contexts.history(ref);
  const items = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page: Awaited<ReturnType<Client['contexts']['history']>> = await client.contexts.history(ref, {
      page_size: 100,
      ...(cursor !== '' && { cursor }),
    });
    items.push(...page.items);
    cursor = page.next_cursor;
  }
  const kept = items.reverse();
  expect(kept.map((change) => change.version)).toEqual(made.slice(base_version).map((one) => one.version));
  let value = (await client.contexts.get(ref, { version: base_version })).data as JsonObject;
  for (const [index, { edits }] of kept.entries()) {
    value = applyEdits(value, edits as Edit[]);
    expect(value).toMatchObject(made[base_version + index]!.updates);
  }
  expect(value).toEqual(data);
  return { id, version };
}
