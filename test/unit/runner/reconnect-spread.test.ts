import { expect, it } from 'vitest';
import {
  CONTROL_FIRST_PAUSE_MS,
  type ConnectionEvents,
  type OpenConnection,
  ReconnectingSocket,
} from '../../../runner/lease/connection.ts';
import { ProcessClock, World } from '../../simulation/support/world.ts';
import { seeds } from '../../support/seeds.ts';

const AGENTS = 1_000;
const BUCKET_MS = 100;
/** The most of all agents that may arrive in one bucket. */
const MOST = 0.1;

/** Agents whose connections are cut together, at 0 ms. Until `backAt`, nothing answers. */
function arrivals(seed: number, backAt: number): number[] {
  const world = new World(seed);
  const [clock, at] = [new ProcessClock(world, 1, 0), [] as number[]];
  const open = new Set<ConnectionEvents>();
  let isCut = false;
  const connect: OpenConnection = (_path, events) => {
    world.in(0, () => {
      if (isCut && world.now < backAt) return events.closed('refused');
      open.add(events);
      if (isCut) at.push(world.now);
      events.opened();
    });
    return { send: () => undefined, close: () => undefined };
  };
  const sockets = Array.from({ length: AGENTS }, () => {
    const nothing = () => undefined;
    const socket: ReconnectingSocket = new ReconnectingSocket(
      connect,
      '/',
      { opened: () => socket.accepted(), received: nothing, closed: nothing, activity: nothing },
      clock,
      CONTROL_FIRST_PAUSE_MS,
    );
    return socket;
  });
  // Those that open at once have no socket yet when they are told.
  while (open.size < AGENTS) world.step();
  isCut = true;
  world.now = 0;
  for (const events of open) events.closed('cut');
  while (at.length < AGENTS) world.step();
  for (const socket of sockets) socket.close();
  return at;
}

it.each(seeds(3).flatMap((seed) => [0, 3_000, 60_000].map((backAt) => ({ seed, backAt }))))(
  'a thousand agents that were cut together come back spread, after $backAt ms (seed $seed)',
  ({ seed, backAt }) => {
    const at = arrivals(seed, backAt);
    const buckets = Map.groupBy(at, (time) => Math.floor(time / BUCKET_MS));
    const most = Math.max(...[...buckets.values()].map(({ length }) => length));
    expect(at).toHaveLength(AGENTS);
    expect(most).toBeLessThanOrEqual(MOST * AGENTS);
  },
);
