import fc from 'fast-check';
import { expect, it } from 'vitest';
import { runs } from '../support/seeds.ts';
import { note, partDone, result, text } from '../unit/session/fake-agent.ts';
import { SessionInProcess } from '../unit/session/harness.ts';

/** The random events, in any order. */
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('work' as const), frames: fc.integer({ min: 1, max: 5 }) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('read' as const), frames: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 2, arbitrary: fc.constant({ do: 'cut_watcher' as const }) },
  { weight: 2, arbitrary: fc.constant({ do: 'cut_agent' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'cut_agent_before_ack' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'restart' as const }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('time' as const), ms: fc.integer({ min: 1, max: 20_000 }) }) },
  { weight: 1, arbitrary: fc.constant({ do: 'repeat' as const }) },
);

/** More than a thousand cuts over all runs. */
it('a client that is disconnected at any point ends with exactly the server’s log, even if the agent fails', async () => {
  let cuts = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 60 }), async (steps) => {
      const session = new SessionInProcess();
      const agent = await session.begun();
      const watcher = session.watcher().connect();
      let offset = 0;
      let part = 0;
      for (const [index, what] of steps.entries()) {
        if (what.do.startsWith('cut') || what.do === 'restart') cuts++;
        switch (what.do) {
          case 'work': {
            for (let i = 0; i < what.frames; i++) {
              agent.append(text(`part-${part}`, offset, `w${index}`));
              offset += `w${index}`.length;
            }
            // A lost increment, and one that was repeated with other bounds.
            if (what.frames === 4) offset += 3;
            if (what.frames === 3) offset -= 1;
            if (what.frames === 5) {
              agent.append(partDone(`part-${part++}`, offset), note(`after ${index}`));
              offset = 0;
            }
            agent.flush();
            break;
          }
          case 'read':
            if (!watcher.client || watcher.client.closedBy) watcher.connect();
            watcher.read(what.frames);
            break;
          case 'cut_watcher':
            watcher.client?.close();
            watcher.connect();
            break;
          case 'cut_agent':
            agent.client?.close();
            agent.connect().flush();
            break;
          case 'cut_agent_before_ack':
            agent.append(note(`unacknowledged ${index}`));
            agent.client?.send({ type: 'frames', frames: agent.buffer });
            agent.client?.vanish();
            agent.connect().flush();
            break;
          case 'restart':
            session.restart(1_000);
            agent.connect().flush();
            watcher.connect();
            break;
          case 'time':
            await agent.ping(what.ms);
            break;
          case 'repeat':
            if (agent.acked > 0) agent.client?.send({ type: 'frames', frames: [{ n: agent.acked, ...note('again') }] });
            agent.read();
            break;
        }
      }
      agent.flush();
      expect(agent.acked).toBe(agent.head);
      agent.append(result()).flush();
      expect(agent.over).toBe('ended');
      if (watcher.client?.closedBy) watcher.connect();
      watcher.catchUp();
      if (!watcher.live) watcher.connect().catchUp();

      const events = await session.events();
      let head = 0;
      for (const event of events) {
        expect(event.from_seq).toBe(head + 1);
        head = event.seq;
      }
      expect(watcher.faults).toEqual([]);
      expect(watcher.follower.state).toEqual(await session.folded());
      expect(watcher.follower.cursor).toBe((await session.view()).cursor);
    }),
    runs(120),
  );
  expect(cuts).toBeGreaterThan(1_000);
});
