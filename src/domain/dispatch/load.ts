import type { LoadLevel } from '../../protocol/common/enums.ts';

interface Load {
  slots_used: number;
  /** At least 1. */
  capacity: number;
}

/** The share of the capacity that is in use. Above 1 after the capacity was lowered below what is held. */
export function utilisation({ slots_used, capacity }: Load): number {
  return slots_used / capacity;
}

/** The highest utilisation of each level but the last. */
const UP_TO: readonly (readonly [LoadLevel, number])[] = [
  ['idle', 0.2],
  ['optimal', 0.7],
  ['high', 0.9],
  ['critical', 1],
];

export function loadLevel(load: Load): LoadLevel {
  const share = utilisation(load);
  return UP_TO.find(([, highest]) => share <= highest)?.[0] ?? 'overloaded';
}
