import type { Event, Part } from '@opencode-ai/sdk/v2/client';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { describeFailure, Mapping } from '../../../runner/opencode/mapping/mapping.ts';
import type { ConversationMessage } from '../../../runner/work/opencode-port.ts';
import { MAX_TOOL_TEXT_CHARS } from '../../../src/protocol/common/limits.ts';
import type { AgentFrameBody } from '../../../src/protocol/run/frames.ts';
import { runs } from '../../support/seeds.ts';

const CONVERSATION = 'ses_main';
const DIRECTORY = '/srv/tree';

type Make = { id: string; messageID: string; sessionID: string };
const assistant = (id: string, sessionID = CONVERSATION): ConversationMessage['info'] =>
  ({
    id,
    sessionID,
    role: 'assistant',
    providerID: 'p',
    modelID: 'm',
    time: { created: 1 },
  }) as ConversationMessage['info'];
const textPart = (make: Make, text: string, end?: number): Part =>
  ({ ...make, type: 'text', text, time: { start: 1, ...(end === undefined ? {} : { end }) } }) as Part;
const toolPart = (make: Make, tool: string, state: Record<string, unknown>): Part =>
  ({ ...make, type: 'tool', callID: `call_${make.id}`, tool, state: { input: {}, ...state } }) as Part;
const finishPart = (make: Make, input: number): Part =>
  ({
    ...make,
    type: 'step-finish',
    reason: 'stop',
    cost: input / 1_000,
    tokens: { input, output: 2, reasoning: 3, cache: { read: 4, write: 5 } },
  }) as Part;
const updated = (part: Part): Event =>
  ({ type: 'message.part.updated', properties: { sessionID: part.sessionID, part, time: 1 } }) as Event;
const begun = (info: ConversationMessage['info']): Event =>
  ({ type: 'message.updated', properties: { sessionID: info.sessionID, info } }) as Event;
const delta = (make: Make, text: string): Event =>
  ({
    type: 'message.part.delta',
    properties: { sessionID: make.sessionID, messageID: make.messageID, partID: make.id, field: 'text', delta: text },
  }) as Event;

function of<T extends AgentFrameBody['type']>(frames: AgentFrameBody[], type: T) {
  return frames.flatMap((frame) =>
    frame.type === type ? [frame.data as Extract<AgentFrameBody, { type: T }>['data']] : [],
  );
}

/** The final text of a watcher. Fails if an increment does not start where the previous text ends. */
function foldText(frames: AgentFrameBody[], partId: string): string {
  let text = '';
  for (const data of of(frames, 'text.delta').filter((data) => data.part_id === partId)) {
    expect(data.offset).toBe(text.length);
    text += data.text;
  }
  return text;
}

interface Script {
  events: Event[];
  message: ConversationMessage;
}

/** One assistant message: streamed texts, tools with all their states, and the end of a step. */
function scriptOf(number: number, texts: string[][], tools: number): Script {
  const id = `msg_${number}`;
  const info = assistant(id);
  const events = [begun(info)];
  const parts: Part[] = [];
  const make = (name: string): Make => ({ id: `${id}_${name}`, messageID: id, sessionID: CONVERSATION });
  texts.forEach((pieces, index) => {
    const place = make(`text${index}`);
    const full = textPart(place, pieces.join('').trimEnd(), 2);
    events.push(updated(textPart(place, '')), ...pieces.map((piece) => delta(place, piece)), updated(full));
    parts.push(full);
  });
  for (let index = 0; index < tools; index++) {
    const place = make(`tool${index}`);
    const done = { status: 'completed', output: 'out', title: 't', metadata: {}, input: { command: 'x' } };
    const last = toolPart(place, 'bash', done);
    events.push(
      updated(toolPart(place, 'bash', { status: 'pending' })),
      updated(toolPart(place, 'bash', { status: 'running', input: { command: 'x' } })),
      updated(last),
    );
    parts.push(last);
  }
  const finish = finishPart(make('finish'), 100 + number);
  events.push(updated(finish));
  return { events, message: { info, parts: [...parts, finish] } };
}

const pieces = fc.array(fc.oneof(fc.string({ unit: 'grapheme' }), fc.constant(' '), fc.constant('\n')), {
  maxLength: 6,
});
const scripts = fc.array(fc.tuple(fc.array(pieces, { maxLength: 2 }), fc.nat(2)), { minLength: 1, maxLength: 3 });
/** The fate of each event: it arrives once or twice, or the stream breaks and it is lost. */
const fates = fc.infiniteStream(fc.constantFrom('once', 'once', 'once', 'twice', 'lost', 'flush'));

test('the frames add up to the messages without duplicates, for any lost, repeated or flushed events', () => {
  fc.assert(
    fc.property(scripts, fates, (shapes, fate) => {
      const all = shapes.map(([texts, tools], index) => scriptOf(index, texts, tools));
      const mapping = new Mapping(CONVERSATION, DIRECTORY);
      const frames: AgentFrameBody[] = [];
      for (const event of all.flatMap((script) => script.events)) {
        const what = fate.next().value;
        if (what === 'lost') {
          mapping.markGap();
          continue;
        }
        frames.push(...mapping.event(event, 0));
        if (what === 'twice' && event.type !== 'message.part.delta') frames.push(...mapping.event(event, 0));
        if (what === 'flush') frames.push(...mapping.flush(0));
      }
      frames.push(...mapping.reconcile(all.map((script) => script.message)), ...mapping.finish());

      for (const part of all.flatMap((script) => script.message.parts)) {
        if (part.type === 'text') expect(foldText(frames, part.id)).toBe(part.text);
      }
      const tools = all.flatMap((script) => script.message.parts.filter((part) => part.type === 'tool'));
      for (const tool of tools) {
        const states = of(frames, 'tool')
          .filter((data) => data.call_id === tool.callID)
          .map((data) => data.state);
        expect(states).toEqual(
          ['pending', 'running', 'completed'].filter((state) => states.includes(state as 'pending')),
        );
        expect(states.at(-1)).toBe('completed');
      }
      expect(
        of(frames, 'usage')
          .map((usage) => usage.input_tokens)
          .sort(),
      ).toEqual(all.map((_, index) => 100 + index));
      expect(mapping.calls.turns).toBe(all.length);
    }),
    runs(500),
  );
});

test('the messages of an imported conversation are not reported again, but later ones are', () => {
  const [before, after] = [scriptOf(1, [['old']], 1), scriptOf(2, [['new']], 0)];
  const mapping = new Mapping(CONVERSATION, DIRECTORY);
  mapping.skip([before.message]);
  const frames = [...mapping.reconcile([before.message, after.message]), ...mapping.finish()];
  expect(of(frames, 'text.delta').map((data) => data.text)).toEqual(['new']);
  expect(of(frames, 'usage')).toHaveLength(1);
  expect(of(frames, 'tool')).toEqual([]);
});

test('buffered text is reported before a later tool call', () => {
  const mapping = new Mapping(CONVERSATION, DIRECTORY);
  const make = { id: 'prt_1', messageID: 'msg_1', sessionID: CONVERSATION };
  mapping.event(begun(assistant('msg_1')), 0);
  mapping.event(updated(textPart(make, '')), 0);
  mapping.event(delta(make, 'first this'), 0);
  const frames = mapping.event(updated(toolPart({ ...make, id: 'prt_2' }, 'bash', { status: 'pending' })), 0);
  expect(frames.map((frame) => frame.type)).toEqual(['text.delta', 'tool']);
});

test('a prompt’s own text is not reported as the agent’s', () => {
  const mapping = new Mapping(CONVERSATION, DIRECTORY);
  const make = { id: 'prt_1', messageID: 'msg_user', sessionID: CONVERSATION };
  mapping.event(begun({ id: 'msg_user', sessionID: CONVERSATION, role: 'user' } as ConversationMessage['info']), 0);
  expect([...mapping.event(updated(textPart(make, 'do it', 1)), 0), ...mapping.finish()]).toEqual([]);
});

test('events of other conversations are ignored, but the usage and edits of sub-agents are reported', () => {
  const mapping = new Mapping(CONVERSATION, DIRECTORY);
  const created = (id: string, parentID: string): Event =>
    ({ type: 'session.created', properties: { sessionID: id, info: { id, parentID } } }) as Event;
  const written = (sessionID: string): AgentFrameBody[] => {
    const make = { messageID: `msg_${sessionID}`, sessionID };
    const state = {
      status: 'completed',
      output: '',
      title: '',
      metadata: { filepath: `${DIRECTORY}/${sessionID}.txt` },
    };
    return [
      begun(assistant(make.messageID, sessionID)),
      updated(toolPart({ ...make, id: `a_${sessionID}` }, 'write', state)),
      updated(finishPart({ ...make, id: `b_${sessionID}` }, 7)),
    ].flatMap((event) => mapping.event(event, 0));
  };
  mapping.event(created('ses_sub', CONVERSATION), 0);
  mapping.event(created('ses_deeper', 'ses_sub'), 0);
  mapping.event(created('ses_foreign', 'ses_elsewhere'), 0);
  expect(written('ses_foreign')).toEqual([]);
  const frames = [...written('ses_sub'), ...written('ses_deeper')];
  expect(of(frames, 'file.edited').map((data) => data.path)).toEqual(['ses_sub.txt', 'ses_deeper.txt']);
  expect(of(frames, 'usage').map((data) => data.sub_agent)).toEqual([true, true]);
  expect(of(frames, 'tool')).toEqual([]);
  expect(mapping.calls.turns).toBe(2);
});

test('an answer that was cut off is reported once as a turn without a price; one that never began is not', () => {
  const mapping = new Mapping(CONVERSATION, DIRECTORY);
  const make = (number: number) => ({ id: `prt_${number}`, messageID: `msg_${number}`, sessionID: CONVERSATION });
  for (const number of [1, 2, 3]) mapping.event(begun(assistant(`msg_${number}`)), 0);
  mapping.event(updated(textPart(make(1), 'whole', 1)), 0);
  mapping.event(updated(finishPart({ ...make(1), id: 'prt_end' }, 7)), 0);
  mapping.event(updated(textPart(make(2), 'half')), 0);
  expect(of(mapping.finish(), 'usage')).toMatchObject([{ model: 'p/m', input_tokens: 0, cost_usd: 0, unpriced: true }]);
  expect(of(mapping.finish(), 'usage')).toEqual([]);
  expect(mapping.calls).toMatchObject({ turns: 1, cutOff: 1 });
});

test('a turn of a model without a price is unpriced', () => {
  const mapping = new Mapping(CONVERSATION, DIRECTORY);
  const make = { id: 'prt_1', messageID: 'msg_1', sessionID: CONVERSATION };
  mapping.event(begun(assistant('msg_1')), 0);
  const free = { ...finishPart(make, 7), cost: 0 } as Part;
  expect(of(mapping.event(updated(free), 0), 'usage')).toMatchObject([{ input_tokens: 7, unpriced: true }]);
});

test('long tool input and output are truncated and marked', () => {
  const mapping = new Mapping(CONVERSATION, DIRECTORY);
  const make = { id: 'prt_1', messageID: 'msg_1', sessionID: CONVERSATION };
  const long = 'x'.repeat(MAX_TOOL_TEXT_CHARS + 1);
  const state = { status: 'completed', output: long, title: 't', metadata: {}, input: { content: long, path: 'a' } };
  mapping.event(begun(assistant('msg_1')), 0);
  const [tool] = of(mapping.event(updated(toolPart(make, 'write', state)), 0), 'tool');
  expect(tool?.output).toHaveLength(MAX_TOOL_TEXT_CHARS);
  expect(JSON.stringify(tool?.input).length).toBeLessThanOrEqual(MAX_TOOL_TEXT_CHARS);
  expect(tool).toMatchObject({ truncated: true, input: { path: 'a' } });
});

test('a model retry is reported once for each attempt, with the time until it', () => {
  const mapping = new Mapping(CONVERSATION, DIRECTORY);
  const retry = (attempt: number, next: number): Event =>
    ({
      type: 'session.status',
      properties: { sessionID: CONVERSATION, status: { type: 'retry', attempt, message: 'busy', next } },
    }) as Event;
  const frames = [retry(1, 1_500), retry(1, 1_500), retry(2, 900)].flatMap((event) => mapping.event(event, 1_000));
  expect(of(frames, 'model.retry')).toEqual([
    { attempt: 1, message: 'busy', next_in_ms: 500 },
    { attempt: 2, message: 'busy', next_in_ms: 0 },
  ]);
});

test.each([
  [{ name: 'APIError', data: { message: 'no', statusCode: 400, isRetryable: false } }, ['api_error', '400 no', false]],
  [{ name: 'UnknownError', data: { message: 'odd' } }, ['unknown_error', 'odd', true]],
  [{ name: 'ContextOverflowError', data: { message: '' } }, ['context_overflow_error', 'ContextOverflowError', false]],
])('the failure %j is reported with its code, its message and whether a retry may help', (error, expected) => {
  const failure = describeFailure(error as Parameters<typeof describeFailure>[0]);
  expect([failure.code, failure.message, failure.retryable]).toEqual(expected);
});

test('the output of a running command is reported only to a session that takes it', () => {
  const make = { id: 'prt_1', messageID: 'msg_1', sessionID: CONVERSATION };
  const state = { status: 'running', metadata: { output: 'one\n' } };
  const reported = (mapping: Mapping) => {
    mapping.event(begun(assistant('msg_1')), 0);
    mapping.event(updated(toolPart(make, 'bash', state)), 0);
    return [...mapping.flush(0), ...mapping.flush(1_000)].map(({ type }) => type);
  };
  expect(reported(new Mapping(CONVERSATION, DIRECTORY))).toEqual([]);
  expect(reported(new Mapping(CONVERSATION, DIRECTORY, { takesToolOutput: true }))).toEqual(['tool.output']);
});
