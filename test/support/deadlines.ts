import type { ObjectPlatform } from '../../durable-objects/kit/platform/platform.ts';
import type { ObjectKit } from '../../durable-objects/kit/runtime.ts';

/** The stored deadlines of an object, by name. */
export function storedDeadlines(platform: ObjectPlatform): Record<string, number> {
  const [row] = platform.exec(`SELECT due FROM deadlines`, []);
  return row ? (JSON.parse(String(row.due)) as Record<string, number>) : {};
}

/** Moves deadlines: `move` gets the name and the time of each, and returns the new time. */
export function moveDeadlines({ store, deadlines }: ObjectKit, move: (name: string, dueAt: number) => number): void {
  store.transact(() => {
    for (const [name, dueAt] of deadlines.all()) deadlines.set(name, move(name, dueAt));
  });
}
