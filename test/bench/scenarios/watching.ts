import type { Connection } from '../../../runner/lease/connection.ts';
import type { WatchFrame } from '../../../src/protocol/session/watch-socket.ts';
import { OPERATIONS } from '../plan.ts';
import { measurePushes } from '../push-latency.ts';
import type { ControlPlane } from '../servers.ts';
import { openSocket } from '../sockets.ts';
import type { Recorder } from '../statistics.ts';
import { BenchWorkspace } from './jobs.ts';

const EVENTS = { 1: 75, 100: 15 };

/** Measures the time from an agent's event to its arrival at the watchers: one round. */
export async function measureWatching(control: ControlPlane, recorder: Recorder): Promise<void> {
  const bench = await BenchWorkspace.open(control);
  for (const watchers of [1, 100] as const) {
    const begun = await bench.begin(await bench.create());
    let onEvents: () => void = () => undefined;
    const lines = await Promise.all(
      Array.from({ length: watchers }, () => openWatcher(control.url, bench.token, begun.session, () => onEvents())),
    );
    const samples = await measurePushes(watchers, EVENTS[watchers], (received) => {
      onEvents = received;
      return begun.lease.sendDeltas(1);
    });
    recorder.add(watchers === 1 ? OPERATIONS.watch_1 : OPERATIONS.watch_100, 1, samples);
    for (const connection of lines) connection.close();
    await bench.finish(begun);
  }
  bench.agent.close();
  bench.close();
}

/**
 * A watcher that pulls until it has caught up and acknowledges every frame. It folds nothing, because a hundred of them
 * share the generator's one core. Resolves when it has caught up.
 */
async function openWatcher(url: string, token: string, session: string, onEvents: () => void): Promise<Connection> {
  const live = Promise.withResolvers<void>();
  const connection = await openSocket(
    url,
    `/ws/sessions/${session}`,
    token,
    (text, connection) => {
      const frame = JSON.parse(text) as WatchFrame;
      if (frame.type === 'events') onEvents();
      if (frame.type === 'mark') connection.send(JSON.stringify({ type: 'ack', mark: frame.mark }));
      else if (frame.type === 'page' && frame.live) live.resolve();
      else if (frame.type !== 'events') connection.send(JSON.stringify({ type: 'pull' }));
    },
    (error) => live.reject(error),
  );
  await live.promise;
  return connection;
}
