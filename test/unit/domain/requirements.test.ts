import { expect, it } from 'vitest';
import { requirementsOf } from '../../../src/domain/dispatch/requirements.ts';
import { CreateSessionRequest } from '../../../src/protocol/session/requests.ts';
import { Requirements } from '../../../src/protocol/session/requirements.ts';
import { ANY } from '../../support/requirements.ts';

const spec = CreateSessionRequest().parse({ title: 'Any title', initial_prompt: 'Work' });
const needs = { spec, repository: null, avoid_agents: [] };

it('a session without requirements asks for any agent', () => {
  expect(requirementsOf(needs)).toEqual(ANY);
});

it('requirements include those of the session, its repository, and the agents to avoid', () => {
  const named = CreateSessionRequest().parse({
    ...spec,
    required_capabilities: ['testing'],
    required_labels: ['gpu=true'],
    repository: { url: 'git@github.com:acme/web.git' },
  });
  const avoid_agents = ['aaaaaaaa-8a52-4f0c-9d0b-0d6f3a1b2c3d'];
  expect(requirementsOf({ spec: named, repository: 'abcd', avoid_agents })).toEqual({
    required_capabilities: ['testing'],
    required_labels: ['gpu=true'],
    repository: 'abcd',
    repository_key: 'github.com/acme/web',
    avoid_agents,
  });
});

it('requirements contain no other member of the session', () => {
  expect(Object.keys(requirementsOf(needs)).sort()).toEqual(Object.keys(Requirements().shape).sort());
});
