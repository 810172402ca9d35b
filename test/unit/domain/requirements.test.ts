import { expect, it } from 'vitest';
import { requirementsOf } from '../../../src/domain/dispatch/requirements.ts';
import { CreateSessionRequest } from '../../../src/protocol/session/requests.ts';
import { Requirements } from '../../../src/protocol/session/requirements.ts';
import { ANY } from '../../support/requirements.ts';

const spec = CreateSessionRequest().parse({ title: 'Any title', initial_prompt: 'Work' });
const needs = { spec, repository: null, refusals: [], worktree_at: null, moved_from: null };

it('a session without requirements asks for any agent', () => {
  expect(requirementsOf(needs)).toEqual({ ...ANY, session_type: 'execution' });
});

it('requirements include those of the session, its repository, and the agents and processes that have refused', () => {
  const named = CreateSessionRequest().parse({
    ...spec,
    required_capabilities: ['testing'],
    required_labels: ['gpu=true'],
    repository: { url: 'git@github.com:acme/web.git' },
  });
  const agent_id = 'aaaaaaaa-8a52-4f0c-9d0b-0d6f3a1b2c3d';
  const instances = ['11111111-8a52-4f0c-9d0b-0d6f3a1b2c3d', '22222222-8a52-4f0c-9d0b-0d6f3a1b2c3d'];
  const refusals = instances.map((instance_id) => ({ agent_id, instance_id }));
  expect(
    requirementsOf({ spec: named, repository: 'abcd', refusals, worktree_at: agent_id, moved_from: null }),
  ).toEqual({
    required_capabilities: ['testing'],
    required_labels: ['gpu=true'],
    repository: 'abcd',
    repository_key: 'github.com/acme/web',
    avoid_agents: [agent_id],
    refusing_instances: instances,
    session_type: 'execution',
    worktree_at: agent_id,
  });
});

it('requirements include what the session would like of its agent, and nothing that is empty', () => {
  const liked = {
    min_performance_tier: 'advanced',
    preferred_labels: { 'memory_gb>=32': 0.5 },
    preferred_agent_type: 'reviewer',
    preferred_agent_ids: ['aaaaaaaa-8a52-4f0c-9d0b-0d6f3a1b2c3d'],
    technologies: ['rust'],
  };
  const asked = CreateSessionRequest().parse({ ...spec, ...liked });
  expect(requirementsOf({ ...needs, spec: asked })).toEqual({ ...ANY, session_type: 'execution', ...liked });
});

it('requirements contain no other member of the session', () => {
  const refusals = [{ agent_id: crypto.randomUUID(), instance_id: crypto.randomUUID() }];
  const all = CreateSessionRequest().parse({
    ...spec,
    min_performance_tier: 'elite',
    preferred_labels: { 'gpu=true': 1 },
    preferred_agent_type: 'analyst',
    preferred_agent_ids: [crypto.randomUUID()],
    technologies: ['go'],
    allow_rebalance: true,
  });
  expect(Object.keys(requirementsOf({ ...needs, spec: all, refusals, worktree_at: 'a' })).sort()).toEqual(
    Object.keys(Requirements().shape).sort(),
  );
});

it('requirements avoid the agent that was asked to let the task go, besides those that have refused it', () => {
  const [refuser, left] = [crypto.randomUUID(), crypto.randomUUID()];
  const refusals = [{ agent_id: refuser, instance_id: crypto.randomUUID() }];
  expect(requirementsOf({ ...needs, refusals, moved_from: left }).avoid_agents).toEqual([refuser, left]);
});
