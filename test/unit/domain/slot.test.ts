import { describe, expect, it } from 'vitest';
import { decideSlot, type SlotEvent, type SlotRecord } from '../../../src/domain/dispatch/slot.ts';

const NOW = 1_000_000;
const CONFIG = { declined_first_ms: 5_000, declined_longest_ms: 60_000 };

const QUEUED: SlotRecord = { state: 'queued', agent_id: null, declined: {} };
const OFFERED: SlotRecord = { state: 'offered', agent_id: 'a', declined: {} };
const ACCEPTED: SlotRecord = { state: 'accepted', agent_id: 'a', declined: {} };
const ENDED: SlotRecord = { state: 'ended', agent_id: null, declined: {} };
/** Offered to `a`, after `b` let its offer lapse. */
const LAPSED_AT_B: SlotRecord = { ...OFFERED, declined: { b: { count: 1, until: NOW } } };

const NOTHING = { decision: 'none', match: false };
const REMATCH = { decision: 'none', match: true };
const ACCEPT = { decision: 'accept', cancel_at: null, match: false };
const END = { decision: 'end', match: true };
const REQUEUE = { decision: 'requeue', declined: { a: { count: 1, until: NOW + 5_000 } }, match: true };

function decide(slot: SlotRecord | undefined, type: SlotEvent['type'], agent_id = 'a') {
  return decideSlot(slot, { type, agent_id }, NOW, CONFIG);
}

describe('decideSlot', () => {
  it.each([
    ['accepted', OFFERED, ACCEPT],
    ['accepted', QUEUED, NOTHING],
    ['accepted', ACCEPTED, NOTHING],
    ['accepted', ENDED, NOTHING],
    ['accepted', undefined, NOTHING],
    ['declined', OFFERED, REQUEUE],
    ['declined', QUEUED, NOTHING],
    ['declined', ACCEPTED, NOTHING],
    ['declined', ENDED, NOTHING],
    ['declined', undefined, NOTHING],
    ['lapsed', OFFERED, REQUEUE],
    ['lapsed', ACCEPTED, NOTHING],
    ['ended', OFFERED, REQUEUE],
    ['ended', ACCEPTED, END],
    ['ended', QUEUED, REMATCH],
    ['ended', ENDED, REMATCH],
    ['ended', undefined, REMATCH],
  ] as const)('the event %s changes %o to %o', (type, slot, decision) => {
    expect(decide(slot, type)).toEqual(decision);
  });

  it.each(['accepted', 'declined', 'lapsed'] as const)(
    'ignores %s by an agent that the slot was never offered to',
    (type) => {
      for (const slot of [OFFERED, ACCEPTED]) expect(decide(slot, type, 'c')).toEqual(NOTHING);
    },
  );

  it('does not let an agent end another agent’s slot, but looks for new work for that agent', () => {
    for (const slot of [OFFERED, ACCEPTED]) expect(decide(slot, 'ended', 'c')).toEqual(REMATCH);
  });

  it('gives the slot to an agent that accepts a lapsed offer, and cancels the offer at the next agent', () => {
    expect(decide(LAPSED_AT_B, 'accepted', 'b')).toEqual({ decision: 'accept', cancel_at: 'a', match: true });
    expect(decide({ ...LAPSED_AT_B, state: 'queued', agent_id: null }, 'accepted', 'b')).toEqual(ACCEPT);
    expect(decide({ ...LAPSED_AT_B, state: 'accepted' }, 'accepted', 'b')).toEqual(NOTHING);
  });

  it('doubles an agent’s pause each time it declines, up to a limit', () => {
    const pauses: number[] = [];
    let slot = OFFERED;
    for (let time = 0; time < 6; time++) {
      const decision = decide(slot, 'declined');
      if (decision.decision !== 'requeue') throw new Error(decision.decision);
      pauses.push((decision.declined.a!.until - NOW) / 1_000);
      slot = { ...slot, declined: decision.declined };
    }
    expect(pauses).toEqual([5, 10, 20, 40, 60, 60]);
  });

  it('keeps the pauses of other agents', () => {
    expect(decide(LAPSED_AT_B, 'declined')).toMatchObject({ declined: { ...LAPSED_AT_B.declined, a: { count: 1 } } });
  });
});
