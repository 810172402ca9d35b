import type { Samples } from './statistics.ts';

/**
 * Sends events one after the other, each when all watchers have the one before, and takes the time from the sending to
 * each watcher's receiving.
 *
 * @param send sends one event, having arranged for `heard` to be called whenever a watcher receives it; resolves when
 *   the event is acknowledged to its sender
 */
export async function tellAll(
  watchers: number,
  events: number,
  send: (heard: () => void) => Promise<void>,
): Promise<Samples> {
  const latenciesMs: number[] = [];
  const startedAt = performance.now();
  for (let event = 0; event < events; event++) {
    const sentAt = performance.now();
    const all = Promise.withResolvers<void>();
    let left = watchers;
    const heard = () => {
      latenciesMs.push(performance.now() - sentAt);
      if (--left === 0) all.resolve();
    };
    await Promise.all([send(heard), all.promise]);
  }
  return { latenciesMs, elapsedMs: performance.now() - startedAt };
}
