import { errorFields } from '../../src/ports/logger.ts';
import { IDEMPOTENCY_DEADLINE, Idempotency } from './calls/idempotency.ts';
import { Deadlines, type Due } from './deadlines.ts';
import { type Destination, Outbox } from './delivery/outbox.ts';
import type { ObjectPlatform } from './platform/platform.ts';
import type { ObjectSchema } from './storage/schema.ts';
import { ObjectStore } from './storage/store.ts';

/** The pause before the next alarm if the earliest deadline could not be read. */
const RETRY_MS = 30_000;

/** The parts of the kit that every object has. */
export interface ObjectKit {
  store: ObjectStore;
  deadlines: Deadlines;
  idempotency: Idempotency;
  outbox: Outbox;
}

/** Builds the kit over a platform, and upgrades the tables of an older object. */
export function buildKit(
  platform: ObjectPlatform,
  schema: ObjectSchema,
  destinations: readonly Destination[],
): ObjectKit {
  const store = new ObjectStore(platform, schema);
  const deadlines = new Deadlines(store);
  const outbox = new Outbox(store, destinations);
  store.wake();
  return { store, deadlines, idempotency: new Idempotency(store, deadlines), outbox };
}

/**
 * Handles an object's alarm: runs due deadlines, then starts due deliveries. It never throws. It ends with a commit,
 * which sets the alarm to the earliest remaining deadline or delivery, so that unfinished work is done later.
 */
export function runAlarm(kit: ObjectKit, handle: (name: string, due: Due) => void): void {
  const { store, deadlines, idempotency, outbox } = kit;
  store.alarmFired();
  if (!store.created) return;
  const { platform } = store;
  const attempt = (step: () => void): boolean => {
    try {
      step();
      return true;
    } catch (error) {
      platform.logger('error', 'alarm_failed', errorFields(error));
      return false;
    }
  };
  attempt(() =>
    deadlines.run((name, due) => {
      if (name === IDEMPOTENCY_DEADLINE) idempotency.purge();
      else handle(name, due);
    }),
  );
  // The deadlines' transactions may have set the alarm to a deadline whose handler has run by now.
  store.alarmFired();
  const armed = attempt(() => store.transact(() => outbox.startDue()));
  if (!armed) attempt(() => platform.transaction(() => platform.setAlarm(platform.now() + RETRY_MS)));
}
