import { expect } from 'vitest';
import type { Client } from '../../../src/client/client.ts';
import type { SessionWatch } from '../../../src/client/watch.ts';
import { hasEnded } from '../../../src/domain/session/session-machine.ts';
import type { SessionEvent } from '../../../src/protocol/events/envelope.ts';
import type { SessionView } from '../../../src/protocol/session/session.ts';
import { eventually } from '../../support/eventually.ts';
import { beginningOf } from './agreement.ts';

/** A session's work takes a while, and a machine may be busy with others. */
const LIMIT_MS = 180_000;

/** A running session, watched from its first event. */
export interface StartedSession {
  id: string;
  watch: SessionWatch;
  /** Resolves when the watch has received `times` matching events. */
  seen(fits: (event: SessionEvent) => boolean, times?: number): Promise<void>;
  /** Resolves when the session has this status and the watch has the whole log. @throws when it has ended otherwise */
  ended(status: SessionView['status']): Promise<SessionView>;
}

type NewSession = Parameters<Client['sessions']['create']>[0];

export interface StartOptions extends Partial<NewSession> {
  /** Another client for the watch. */
  watcher?: Client;
}

/** Starts a session that runs the prompts in order. */
export async function startSession(
  client: Client,
  prompts: string[],
  { watcher = client, ...members }: StartOptions = {},
): Promise<StartedSession> {
  const [initial_prompt = '', ...more] = prompts;
  const body = { title: 'A session', initial_prompt, max_attempts: 10, ...members };
  const { id, cursor } = await client.sessions.create(body);
  for (const text of more) await client.sessions.send(id, { text, delivery: 'follow_up' });
  const watch = watcher.watchSession(id, { after: beginningOf(cursor), keepEvents: true });
  await client.sessions.act(id, 'start');
  return {
    id,
    watch,
    seen: (fits, times = 1) =>
      eventually(() => {
        if (watch.events.filter(fits).length < times) throw new Error(`not yet; last: ${lastOf(watch)}`);
      }, LIMIT_MS),
    async ended(status) {
      const session = await eventually(async () => {
        if (!hasEnded(watch.state.status)) throw new Error(`not yet: ${lastOf(watch)}`);
        const read = await client.sessions.get(id, ['tasks', 'usage']);
        if (read.ended_at === null || watch.cursor !== read.cursor) throw new Error(`not yet: ${lastOf(watch)}`);
        return read;
      }, LIMIT_MS);
      expect(session.status, JSON.stringify(session.error)).toBe(status);
      return session;
    },
  };
}

function lastOf(watch: SessionWatch): string {
  return watch.events
    .slice(-5)
    .map((event) => JSON.stringify(event).slice(0, 300))
    .join('\n');
}
