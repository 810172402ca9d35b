import { describe, expect, it } from 'vitest';
import { describeApi } from '../../../src/http/openapi.ts';
import type { Exchange } from '../../support/contract.ts';
import { servedContract, violationsOf } from '../../support/served-contract.ts';

const SCHEMAS = describeApi().components.schemas;

it.each(Object.keys(SCHEMAS))('the example of %s fits its schema in the API’s description', (name) => {
  expect(servedContract().misfits(`#/components/schemas/${name}`, SCHEMAS[name]!.example)).toEqual([]);
});

describe('the comparison with the API’s description', () => {
  const list: Exchange = {
    method: 'GET',
    path: '/api/v1/sessions?status=queued,running&page=2',
    sent: null,
    sentType: null,
    status: 200,
    headers: { 'content-type': 'application/json', 'x-request-id': 'r' },
    answer: JSON.stringify(SCHEMAS.SessionList!.example),
  };

  const create: Partial<Exchange> = {
    method: 'POST',
    path: '/api/v1/sessions',
    sent: JSON.stringify(SCHEMAS.CreateSessionRequest!.example),
    sentType: 'application/json',
    status: 201,
    headers: { ...list.headers, location: '/api/v1/sessions/x', etag: '"1"' },
    answer: JSON.stringify(SCHEMAS.Session!.example),
  };

  it('accepts what the description allows', () => {
    expect(violationsOf(list)).toEqual([]);
    expect(violationsOf({ ...list, ...create })).toEqual([]);
  });

  it.each<[string, Partial<Exchange>]>([
    [
      'a member that the schema does not have',
      { answer: JSON.stringify({ ...(SCHEMAS.SessionList!.example as object), more: 1 }) },
    ],
    ['a missing member', { answer: '{"items":[],"total":0,"page":2}' }],
    ['an undeclared status', { status: 202 }],
    ['an undeclared parameter', { path: '/api/v1/sessions?colour=red' }],
    ['a value that a parameter does not allow', { path: '/api/v1/sessions?page=0' }],
    ['an undeclared header', { headers: { ...list.headers, 'retry-after': '2' } }],
    ['a missing header', { headers: { 'content-type': 'application/json' } }],
    ['another type of content', { headers: { ...list.headers, 'content-type': 'text/html' } }],
    ['an undeclared path', { path: '/api/v1/nothing' }],
    ['an accepted body of an undeclared type', { ...create, sentType: 'application/merge-patch+json' }],
    ['an accepted body that the schema does not allow', { method: 'POST', sent: '{"title":1}', status: 201 }],
  ])('finds %s', (_, change) => {
    expect(violationsOf({ ...list, ...change })).not.toEqual([]);
  });
});
