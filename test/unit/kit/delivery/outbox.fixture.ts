import type { Destination } from '../../../../durable-objects/kit/delivery/outbox.ts';
import { buildKit, type ObjectKit, runAlarm } from '../../../../durable-objects/kit/runtime.ts';
import { NodePlatform } from '../../../support/node-platform.ts';

export const NO_TABLES = { object: 'Test', steps: [] };

/** A destination that records its deliveries, and fails on request. */
export function recording(name = 'far') {
  const arrived: [string, unknown][] = [];
  const state = { fail: null as null | ((key: string) => Error | Promise<never> | null) };
  const destination: Destination = {
    name,
    deliver: async (key, payload) => {
      const failure = await state.fail?.(key);
      if (failure) throw failure;
      arrived.push([key, payload]);
    },
  };
  return { destination, arrived, state };
}

export function objectWith(...destinations: Destination[]): {
  platform: NodePlatform;
  kit: ObjectKit;
  alarm: () => void;
} {
  const platform = new NodePlatform();
  const kit = buildKit(platform, NO_TABLES, destinations);
  kit.store.create(() => {});
  return { platform, kit, alarm: () => runAlarm(kit, () => {}) };
}

export function put(kit: ObjectKit, key: string, payload: unknown, destination = 'far'): void {
  kit.store.transact(() => kit.outbox.put(destination, key, payload));
}
