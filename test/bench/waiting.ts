import { DirectoryInProcess } from '../support/directory-in-process.ts';
import { RegistryInProcess } from '../support/registry-in-process.ts';
import { directoryEntry } from '../unit/ports/directory.contract.ts';
import { FakeDestinations } from '../unit/session/fake-destinations.ts';
import { SessionInProcess, TASK_ID } from '../unit/session/harness.ts';
import { CountingPlatform } from './counting-platform.ts';

/** What an object does in a day because of its alarm. */
export interface Day {
  wakes: number;
  /** Calls on other objects and systems. */
  calls: number;
  /** Of tables, without rows of indexes and alarms. */
  rows: number;
  alarms: number;
}

/** An object that waits. */
export interface Waiting {
  what: string;
  first: Day;
  eighth: Day;
}

const HOUR_MS = 3_600_000;
const EVICTED_MS = 10_000;
const LEASES_AN_HOUR = 40;
const DELETIONS_AN_HOUR = 4;

/** Counts what waiting objects cost. Each object is evicted when its last step is EVICTED_MS old. */
export async function countWaiting(): Promise<Waiting[]> {
  return [await queuedSession(), await withoutItsDatabase(), await endedSlots(), await deletedSessions()];
}

async function queuedSession(): Promise<Waiting> {
  const { platform, session, destinations } = sessionFixture();
  await session.create();
  await session.act('start');
  await session.settle();
  return days('a queued session', platform, session, {
    calls: () => destinations.requests.length,
  });
}

async function withoutItsDatabase(): Promise<Waiting> {
  const { platform, session, destinations } = sessionFixture();
  let calls = 0;
  destinations.history.record = destinations.history.recordRun = async () => {
    calls++;
    throw new Error('the database cannot be reached');
  };
  await session.create();
  await session.act('start');
  await session.act('cancel');
  await session.settle();
  return days('a finished session whose database is away', platform, session, { calls: () => calls });
}

async function endedSlots(): Promise<Waiting> {
  const platform = quiet();
  const registry = new RegistryInProcess({ platform });
  let epoch = 0;
  return days(`a registry with ${LEASES_AN_HOUR * 24} leases a day`, platform, registry, {
    hourly: () => {
      for (let i = 0; i < LEASES_AN_HOUR; i++) registry.runtime.cancel({ task_id: TASK_ID, epoch: ++epoch });
    },
  });
}

async function deletedSessions(): Promise<Waiting> {
  const platform = quiet();
  const directory = new DirectoryInProcess({ platform });
  let number = 0;
  const what = `a directory with ${DELETIONS_AN_HOUR * 24} deletions of sessions a day`;
  return days(what, platform, directory, {
    hourly: () => {
      for (let i = 0; i < DELETIONS_AN_HOUR; i++) {
        directory.runtime.remove(directoryEntry(++number, { rev: 1 }).summary.id, 2);
      }
    },
  });
}

function sessionFixture() {
  const platform = quiet();
  const destinations = new FakeDestinations();
  return { platform, destinations, session: new SessionInProcess({ platform, destinations }) };
}

function quiet(): CountingPlatform {
  const platform = new CountingPlatform();
  platform.logger = () => {};
  return platform;
}

/** @param hourly what others do to the object, which is not counted */
async function days(
  what: string,
  platform: CountingPlatform,
  object: { evict(): void; readonly runtime: { alarm(): void } },
  { calls = () => 0, hourly = () => {} }: { calls?: () => number; hourly?: () => void },
): Promise<Waiting> {
  const counted: Day[] = [];
  let last = platform.clock;
  for (let day = 0; day < 8; day++) {
    const sum: Day = { wakes: 0, calls: 0, rows: 0, alarms: 0 };
    for (let hour = 0; hour < 24; hour++) {
      hourly();
      const before = { ...platform.writes, calls: calls() };
      await platform.advance(HOUR_MS, () => {
        sum.wakes++;
        if (platform.clock - last > EVICTED_MS) object.evict();
        last = platform.clock;
        object.runtime.alarm();
      });
      sum.calls += calls() - before.calls;
      sum.rows += platform.writes.rows - before.rows;
      sum.alarms += platform.writes.alarms - before.alarms;
    }
    counted.push(sum);
  }
  return { what, first: counted[0]!, eighth: counted[7]! };
}
