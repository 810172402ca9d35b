import type { Call } from '../ports/calls.ts';
import type { Effects } from '../ports/effects.ts';
import type { Outcome } from '../protocol/common/errors.ts';
import { IDEMPOTENCY_KEY_MS } from '../protocol/common/limits.ts';

/** HMAC-SHA-256 of `text` under the workspace's secret. */
export type WorkspaceDigest = (workspace: string, text: string) => Promise<Uint8Array>;

/** A use of an idempotency key, which creates something. Repeats within a day belong to the same use. */
export interface KeyUse {
  /** The number of the period in which the key is used. */
  period: number;
  /** The number of the use in its period, from 0. */
  index: number;
}

/** Things that are created by calls of objects of their own, such as sessions. */
export interface Creation<Id, View extends { created_at: string }> {
  /** The id of one that is created without an idempotency key. */
  randomId(): Id;
  /** The id of one that is created with the key of the call. Every isolate derives the same id. */
  idOfUse(use: KeyUse): Promise<Id>;
  /** Creates it. A repeat gets it as it is now, or as it was made. */
  create(id: Id): Promise<Outcome<View>>;
  /** When it was created; null if it was not. */
  createdAt(id: Id): Promise<Outcome<string | null>>;
}

/**
 * The id derives from the idempotency key, the period and the number of the key's use in that period. On the first day
 * of a period, the previous period must be searched too. A longer period makes that rarer, but a key that is used every
 * day has more uses in it.
 */
const DAYS_IN_PERIOD = 10;
const PERIOD_MS = DAYS_IN_PERIOD * IDEMPOTENCY_KEY_MS;

/**
 * Creates something under a new id. With an idempotency key, a repeat within a day gets what the first call has created;
 * after that, the key creates another one.
 *
 * No index of keys is needed, because ids derive from keys. The first use of a key costs one call of an object; on the
 * first day of a period, it costs two.
 */
export async function createOnce<Id, View extends { created_at: string }>(
  creation: Creation<Id, View>,
  { idempotency }: Call,
  effects: Effects,
): Promise<Outcome<View>> {
  if (idempotency === null) return creation.create(creation.randomId());
  const now = effects.now();
  const period = Math.floor(now / PERIOD_MS);
  if (now - period * PERIOD_MS < IDEMPOTENCY_KEY_MS) {
    const id = await recent(creation, now, period - 1);
    if (id) return creation.create(id);
  }
  for (let index = 0; ; index++) {
    const id = await creation.idOfUse({ period, index });
    const outcome = await creation.create(id);
    // Each use is at least a day after the previous one. This bound holds even if a clock was wrong.
    if (index === DAYS_IN_PERIOD || (outcome.ok && isRecent(outcome.value.created_at, now))) return outcome;
    const createdAt = await creation.createdAt(id);
    if (!createdAt.ok) return createdAt;
    if (createdAt.value === null || isRecent(createdAt.value, now)) return outcome;
  }
}

/** Whether the call's key has created something within the last day. */
export async function isRepeated<Id, View extends { created_at: string }>(
  creation: Creation<Id, View>,
  { idempotency }: Call,
  effects: Effects,
): Promise<boolean> {
  if (idempotency === null) return false;
  const now = effects.now();
  const period = Math.floor(now / PERIOD_MS);
  const found = [period, period - 1].map((one) => recent(creation, now, one));
  return (await Promise.all(found)).some((id) => id !== null);
}

/** The id of what the key created within the last day, in a period; null if there is none. */
async function recent<Id, View extends { created_at: string }>(
  creation: Creation<Id, View>,
  now: number,
  period: number,
): Promise<Id | null> {
  for (let index = 0; index <= DAYS_IN_PERIOD; index++) {
    const id = await creation.idOfUse({ period, index });
    const createdAt = await creation.createdAt(id);
    if (!createdAt.ok || createdAt.value === null) return null;
    if (isRecent(createdAt.value, now)) return id;
  }
  return null;
}

function isRecent(createdAt: string, now: number): boolean {
  return Date.parse(createdAt) > now - IDEMPOTENCY_KEY_MS;
}
