import type { JsonObject } from '../../../src/domain/context/json.ts';
import { merge } from '../../../src/domain/context/merge.ts';
import { CALL, home } from '../../unit/context/home.ts';
import { cpuMs } from '../graph/cpu-time.ts';
import { percentile } from '../statistics.ts';

/** What a merge of two contexts costs, in ms of CPU: the medians of the rounds. */
export interface MergeTimes {
  keys: number;
  /** Bytes of each context. */
  bytes: number;
  /** The rules alone, three-way. */
  rules_ms: number;
  /** At the home, on SQLite in memory, until the version is stored. */
  home_ms: number;
}

const VALUE = 'x'.repeat(83);
const ROUNDS = 15;
/** Of so many keys, each side has changed one that the other has not; of ten times as many, both have changed one. */
const CHANGED = 10;
const STAMPS = { stamp: { version: 1, at: 1, by: 'bench' } };

/** Measures merges of contexts with so many keys in turns, so that each size meets the same compiled code. */
export function measureMerges(sizes: readonly number[]): MergeTimes[] {
  const rounds = Array.from({ length: ROUNDS }, () => sizes.map(measureMerge));
  return sizes.map((keys, index) => {
    const median = (of: (one: MergeTimes) => number) =>
      percentile(
        rounds.map((round) => of(round[index]!)),
        0.5,
      );
    return {
      keys,
      bytes: rounds[0]![index]!.bytes,
      rules_ms: median(({ rules_ms }) => rules_ms),
      home_ms: median(({ home_ms }) => home_ms),
    };
  });
}

function measureMerge(keys: number): MergeTimes {
  const base = contextOf(keys, () => VALUE);
  const isBoth = (index: number) => index % (10 * CHANGED) === 0;
  const side = (name: string, offset: number) =>
    contextOf(keys, (index) => (isBoth(index) || index % CHANGED === offset ? `${name} ${VALUE}`.slice(0, 83) : VALUE));
  const [target, source] = [side('target', 1), side('source', 2)];
  const rules = cpuMs(() => merge(base, target, source));
  if (rules.value.conflicts.length !== keys / (10 * CHANGED)) throw new Error('other conflicts than expected');
  const context = home(target);
  const from = {
    id: 'source',
    version: 2,
    data: source,
    stamps: STAMPS,
    secret_paths: [],
    keys: null,
    base: { data: base },
    taken: null,
  };
  // The home of a context that is used has its data in memory.
  context.runtime.read(CALL);
  const merged = cpuMs(() => context.runtime.merge(CALL, { strategy: 'prefer_target', sources: [from] }));
  context.platform.close();
  if (!merged.value.ok || merged.value.value.version !== 2) throw new Error('the merge has made no version');
  return { keys, bytes: JSON.stringify(source).length, rules_ms: rules.ms, home_ms: merged.ms };
}

function contextOf(keys: number, textOf: (index: number) => string): JsonObject {
  return Object.fromEntries(Array.from({ length: keys }, (_, index) => [`key-${1e5 + index}`, textOf(index)]));
}
