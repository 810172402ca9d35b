import fc from 'fast-check';
import { expect, it } from 'vitest';
import { BATCH_BYTES } from '../../../src/protocol/common/limits.ts';
import { MAX_PART_CHARS } from '../../../src/protocol/events/agent.ts';
import { AgentFrame, readFrame } from '../../../src/protocol/run/frames.ts';
import { runs } from '../../support/seeds.ts';

const LONG = 'x'.repeat(BATCH_BYTES + 1);

/** A valid or an invalid value of a member. */
function orWrong<T>(right: fc.Arbitrary<T>): fc.Arbitrary<unknown> {
  const wrong = fc.constantFrom<unknown>(
    undefined,
    null,
    '',
    'text',
    0,
    -1,
    1.5,
    2 ** 60,
    MAX_PART_CHARS + 1,
    LONG,
    [],
    {},
  );
  return fc.oneof({ weight: 12, arbitrary: right }, { weight: 1, arbitrary: wrong });
}

const data = fc.record({
  message_id: orWrong(fc.string()),
  part_id: orWrong(fc.string()),
  offset: orWrong(fc.nat(MAX_PART_CHARS)),
  text: orWrong(fc.string()),
  more: fc.constantFrom(undefined, 'a member that no schema knows'),
});
const frame = fc.record({
  n: orWrong(fc.integer({ min: 1 })),
  type: orWrong(fc.constantFrom('text.delta', 'reasoning.delta', 'part.completed', 'file.edited')),
  data: orWrong(data),
  more: fc.constantFrom(undefined, 'a member that no schema knows'),
});

it('the fast reader of frames agrees with the schema for any input', () => {
  const seen = { read: 0, refused: 0 };
  fc.assert(
    fc.property(fc.oneof({ weight: 20, arbitrary: frame }, { weight: 1, arbitrary: fc.anything() }), (raw) => {
      const parsed = AgentFrame().safeParse(raw);
      const read = readFrame(raw);
      seen[read.ok ? 'read' : 'refused']++;
      if (parsed.success) {
        const { n: _, ...body } = parsed.data;
        expect(read).toEqual({ ok: true, body });
      } else expect(read).toEqual({ ok: false, problem: parsed.error.issues[0]?.message });
    }),
    runs(2_000),
  );
  expect(Math.min(seen.read, seen.refused)).toBeGreaterThan(200);
});
