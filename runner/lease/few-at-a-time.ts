import type { Clock } from './clock.ts';

interface Opened {
  close(): void;
}

/** How many may be open at a time. */
export interface Places {
  most: number;
  /** What is open for longer than this stays open, but does not keep the others waiting. */
  turn?: { ms: number; clock: Clock };
}

/**
 * Opens something for each item, a few at a time and in order.
 * @param open opens one, and calls `over` when that has ended by itself, but not before it returns
 * @returns `close` closes what is open, and opens no more
 */
export function fewAtATime<T>(
  items: readonly T[],
  { most, turn }: Places,
  open: (item: T, over: () => void) => Opened,
): Opened {
  const waiting = [...items];
  /** What is open, with the end of its turn's timer. */
  const opened = new Map<Opened, () => void>();
  const withPlace = new Set<Opened>();
  const openNext = () => {
    while (withPlace.size < most && waiting.length > 0) openOne(waiting.shift() as T);
  };
  const leave = (one: Opened) => {
    withPlace.delete(one);
    openNext();
  };
  const openOne = (item: T) => {
    const one = open(item, () => {
      opened.get(one)?.();
      opened.delete(one);
      leave(one);
    });
    withPlace.add(one);
    opened.set(one, turn ? turn.clock.after(turn.ms, () => leave(one)) : () => undefined);
  };
  openNext();
  return {
    close: () => {
      waiting.length = 0;
      for (const [one, endTurn] of opened) {
        endTurn();
        one.close();
      }
    },
  };
}
