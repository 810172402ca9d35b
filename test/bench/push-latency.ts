import type { Samples } from './statistics.ts';

/**
 * Sends events one after the other, each when all watchers have received the previous one. Measures the time until each
 * watcher receives the event.
 *
 * @param send sends one event and calls `received` whenever a watcher receives it; resolves when the sender gets the
 *   acknowledgement
 */
export async function measurePushes(
  watchers: number,
  events: number,
  send: (received: () => void) => Promise<void>,
): Promise<Samples> {
  const latenciesMs: number[] = [];
  const startedAt = performance.now();
  for (let event = 0; event < events; event++) {
    const sentAt = performance.now();
    const all = Promise.withResolvers<void>();
    let left = watchers;
    const received = () => {
      latenciesMs.push(performance.now() - sentAt);
      if (--left === 0) all.resolve();
    };
    await Promise.all([send(received), all.promise]);
  }
  return { latenciesMs, elapsedMs: performance.now() - startedAt };
}
