import { describe, expect, it } from 'vitest';
import type * as z from 'zod';
import { fieldErrors } from '../../../src/http/field-errors.ts';
import { endpointOf, OPERATION_IDS } from '../../../src/protocol/endpoints/endpoints.ts';
import { CreateSessionRequest, RetrySessionRequest } from '../../../src/protocol/session/requests.ts';

function messagesFor(schema: z.ZodType, value: unknown): Record<string, string> {
  const { error } = schema.safeParse(value);
  return Object.fromEntries((error ? fieldErrors(error) : []).map(({ path, message }) => [path, message]));
}

const session = { title: 'A title', initial_prompt: 'x' };

it('the errors of a body say what to do, and not what a parser saw', () => {
  const body = {
    title: 'x',
    initial_prompt: 7,
    tags: Array.from({ length: 1_000 }, (_, index) => `tag-${index}`),
    priority: 'urgent',
    max_attempts: 0,
    colour: 'red',
  };
  expect(messagesFor(CreateSessionRequest(), body)).toEqual({
    title: 'must have at least 3 characters',
    initial_prompt: 'must be a string, not a number',
    tags: expect.stringMatching(/^must have at most \d+ items$/),
    priority: expect.stringMatching(/^must be one of: .*critical/),
    max_attempts: 'must be at least 1',
    colour: 'unknown member; remove it',
  });
  expect(messagesFor(CreateSessionRequest(), { title: 'A title' })).toEqual({ initial_prompt: 'is missing' });
});

it('an error of a value with several forms names them, or the place in the form that fits best', () => {
  expect(messagesFor(RetrySessionRequest(), { from: 'first' })).toEqual({
    from: 'must be one of: last, fresh, or must be a number, not a string',
  });
  const permissions = (edit: unknown) => ({ ...session, agent_config: { permissions: { edit } } });
  expect(messagesFor(CreateSessionRequest(), permissions('maybe'))).toEqual({
    'agent_config.permissions.edit': 'must be one of: allow, ask, deny, or must be an object, not a string',
  });
  expect(messagesFor(CreateSessionRequest(), permissions({ 'npm *': 'maybe' }))).toEqual({
    'agent_config.permissions.edit.npm *': 'must be one of: allow, ask, deny',
  });
  expect(messagesFor(CreateSessionRequest(), { ...session, metadata: { '': 1 } })).toEqual({
    'metadata.': 'the name must have at least 1 character',
  });
});

it('a title and a tag that nobody can read are refused', () => {
  const nothing = '\u200b\u200b\u200b';
  expect(messagesFor(CreateSessionRequest(), { ...session, title: nothing }).title).toContain('visible');
  expect(messagesFor(CreateSessionRequest(), { ...session, title: 'abc\u0000' }).title).toContain('control');
  expect(messagesFor(CreateSessionRequest(), { ...session, tags: ['a\nb'] })['tags.0']).toContain('control');
  expect(messagesFor(CreateSessionRequest(), { ...session, title: '修复它' })).toEqual({});
});

/** Values of every type, among them those that no member accepts. */
const WRONG = [
  undefined,
  null,
  7.5,
  -1,
  1e300,
  '',
  '\u0000',
  'x'.repeat(2_000),
  true,
  [],
  ['x'],
  [[7]],
  {},
  { '': {} },
];

/** The words of the parser, which mean nothing to a caller. */
const PARSER = /invalid|expected|received|input|nan|too (big|small)|unrecognized|pattern|regex|record|undefined/i;

function messagesOfWrongValues(schema: z.ZodType): string[] {
  const example = (schema.meta()?.example ?? {}) as Record<string, unknown>;
  const names = Object.keys((schema as z.ZodObject).shape ?? example);
  const bodies = names.flatMap((name) => WRONG.map((wrong) => ({ ...example, [name]: wrong })));
  return [...WRONG, ...bodies].flatMap((value) => Object.values(messagesFor(schema, value)));
}

describe('no error has words of the parser', () => {
  const parts = OPERATION_IDS.flatMap((id) => {
    const { params, query, body } = endpointOf(id);
    return [params, query, body].flatMap((schema) => (schema ? [{ id, schema: schema() }] : []));
  });

  it.each(parts)('in a request of $id', ({ schema }) => {
    const messages = messagesOfWrongValues(schema);
    expect(messages.length).toBeGreaterThan(0);
    expect(messages.filter((message) => PARSER.test(message) || message === '')).toEqual([]);
  });

  it('in the configuration of an agent and of a repository', () => {
    const { agent_config, repository } = CreateSessionRequest().shape;
    const messages = [agent_config, repository].flatMap((part) => messagesOfWrongValues(part.unwrap()));
    expect(messages.filter((message) => PARSER.test(message))).toEqual([]);
  });
});
