import { expect } from 'vitest';
import type { AgentRegistryApi, SlotRequest } from '../../../src/ports/agent-registry.ts';
import type { Call } from '../../../src/ports/calls.ts';
import type { LockWait } from '../../../src/ports/locks.ts';
import type { AgentHello, ControlDown } from '../../../src/protocol/agent/control-socket.ts';
import { taskIdOf } from '../../../src/protocol/common/ids.ts';
import type { Requirements } from '../../../src/protocol/session/requirements.ts';
import type { Principal } from '../../../src/protocol/workspace/token.ts';
import { eventually } from '../../support/eventually.ts';
import { ANY } from '../../support/requirements.ts';

/** The token that opens a socket: its id, or those of an agent's own one. */
export type TokenOf = string | Pick<Principal, 'token_id' | 'agent'>;

export function principalWith(token: TokenOf): Pick<Principal, 'token_id' | 'agent'> {
  return typeof token === 'string' ? { token_id: token } : token;
}

/** An agent's side of a control socket. */
export interface ControlLink {
  /** All frames that have arrived, oldest first. */
  readonly frames: ControlDown[];
  readonly closeCode: number | null;
  send(frame: unknown): void;
  close(): void;
}

/** An empty registry with its agents' sockets, its clock and its alarm. */
export interface RegistryUnderTest {
  api: AgentRegistryApi;
  /** Its workspace. */
  workspace: string;
  connect(agentId: string, token: TokenOf): Promise<ControlLink>;
  /** What it has told sessions about leases that it has taken. */
  evictions(): unknown[];
  /** Opens the socket on which the Worker waits for a lock. */
  waitForTurn(wait: LockWait): Promise<ControlLink>;
  /** Opens the socket on which the Worker waits for an agent without sockets. */
  poll(agentId: string, max: number, token: TokenOf): Promise<ControlLink>;
  /** Advances its clock and runs its alarm when it is due. */
  advance(ms: number): Promise<void>;
}

export type MakeRegistry = () => Promise<RegistryUnderTest>;

export const SESSION = '0198c2f0-1a2b-8c3d-9e4f-5a6b00000000';
export const AGENT_A = 'aaaaaaaa-8a52-4f0c-9d0b-0d6f3a1b2c3d';
export const AGENT_B = 'bbbbbbbb-8a52-4f0c-9d0b-0d6f3a1b2c3d';
export const INSTANCE_1 = '11111111-8a52-4f0c-9d0b-0d6f3a1b2c3d';
export const INSTANCE_2 = '22222222-8a52-4f0c-9d0b-0d6f3a1b2c3d';

export type SlotRequestChanges = Partial<Omit<SlotRequest, 'requirements'> & { requirements: Partial<Requirements> }>;

export function slotRequest(task: number, { requirements, ...changes }: SlotRequestChanges = {}): SlotRequest {
  return {
    session_id: SESSION,
    task_id: taskIdOf(SESSION, task),
    epoch: 1,
    priority: 'medium',
    proof_key: `key of ${task}`,
    requirements: { ...ANY, ...requirements },
    ...changes,
  };
}

export function hello(changes: Partial<AgentHello> = {}): AgentHello {
  return {
    type: 'hello',
    name: 'AGENT-TEST',
    instance_id: INSTANCE_1,
    capacity: 1,
    capabilities: [],
    labels: [],
    repository: null,
    remotes: [],
    model: 'test/scripted',
    version: '0.1.0',
    leases: [],
    ...changes,
  };
}

export function callFrom(workspace: string): Call {
  return { principal: { workspace, role: 'viewer', token_id: 'token' }, request_id: 'request', idempotency: null };
}

/** The tasks of the offers that have arrived, in order. */
export function offers(link: ControlLink): string[] {
  return link.frames.flatMap((frame) => (frame.type === 'offer' ? [frame.task_id] : []));
}

/** A registry with one agent. */
export async function withAgent(make: MakeRegistry, changes: Partial<AgentHello> = {}) {
  const registry = await make();
  return { ...registry, registry, agent: await join(registry, changes) };
}

/** An agent that the registry has accepted. */
export async function join(
  registry: RegistryUnderTest,
  changes: Partial<AgentHello> = {},
  agentId = AGENT_A,
  token: TokenOf = 'token',
): Promise<ControlLink> {
  const link = await registry.connect(agentId, token);
  link.send(hello(changes));
  await eventually(() => expect(link.frames[0]).toEqual({ type: 'welcome', agent_id: agentId }));
  return link;
}

/** The number of used slots of an agent; null if the agent is unknown. */
export async function use(registry: RegistryUnderTest, agentId = AGENT_A): Promise<number | null> {
  const outcome = await registry.api.agent(callFrom(registry.workspace), agentId);
  return outcome.ok ? outcome.value.slots_used : null;
}

/** Accepts an offer when it has arrived, and waits until the registry has recorded this. */
export async function accept(registry: RegistryUnderTest, link: ControlLink, request: SlotRequest): Promise<void> {
  await eventually(() => expect(offers(link)).toContain(request.task_id));
  link.send({ type: 'accepted', task_id: request.task_id, epoch: request.epoch });
  await eventually(async () => expect(await registry.api.reserve(request)).toMatchObject({ state: 'accepted' }));
}
