import * as z from 'zod';
import { SESSION_ACTIONS } from '../session/actions.ts';
import { APPROVAL_KINDS, type KindOfAgent, kindsOfAgents } from '../session/approval-kinds.ts';
import { type Infer, schema } from './schema.ts';

/** The enumerations that REST, sockets, runner, CLI and dashboard share. */

export const SessionStatus = schema(() =>
  z
    .enum([
      'pending',
      'queued',
      'running',
      'paused',
      'degraded',
      'orphaned',
      'completed',
      'partially_completed',
      'failed',
      'timeout',
      'stopped',
      'cancelled',
    ])
    .meta({ id: 'SessionStatus', description: 'The status of a session.', example: 'running' }),
);
export type SessionStatus = Infer<typeof SessionStatus>;

export const SessionType = schema(() =>
  z
    .enum(['planning', 'execution', 'review', 'debug', 'integration'])
    .meta({ id: 'SessionType', description: 'The kind of work.', example: 'execution' }),
);
export type SessionType = Infer<typeof SessionType>;

export const SessionPriority = schema(() =>
  z
    .enum(['critical', 'high', 'medium', 'low', 'deferred'])
    .meta({ id: 'SessionPriority', description: 'The session’s rank in the queue for agents.', example: 'medium' }),
);
export type SessionPriority = Infer<typeof SessionPriority>;

export const SessionAction = schema(() =>
  z.enum(SESSION_ACTIONS).meta({ id: 'SessionAction', description: 'An action on a session.', example: 'start' }),
);
export type SessionAction = Infer<typeof SessionAction>;

export const TaskStatus = schema(() =>
  z
    .enum([
      'pending',
      'ready',
      'assigned',
      'in_progress',
      'blocked',
      'paused',
      'completed',
      'failed',
      'cancelled',
      'skipped',
    ])
    .meta({ id: 'TaskStatus', description: 'The status of a task.', example: 'in_progress' }),
);
export type TaskStatus = Infer<typeof TaskStatus>;

export const TaskPriority = schema(() =>
  z.enum(['blocker', 'critical', 'high', 'normal', 'low', 'background']).meta({
    id: 'TaskPriority',
    description: 'The task’s rank among the ready tasks of its session.',
    example: 'normal',
  }),
);
export type TaskPriority = Infer<typeof TaskPriority>;

export const TaskKind = schema(() =>
  z.enum(['work', 'plan', 'integrate', 'resolve', 'deliver']).meta({
    id: 'TaskKind',
    description:
      'What the agent of the task does. work: what its prompt says. plan: it proposes the tasks. integrate: it merges the work of other tasks. resolve: it decides a conflict of two of them. deliver: it puts the work on a branch.',
    example: 'work',
  }),
);
export type TaskKind = Infer<typeof TaskKind>;

export const ConflictKind = schema(() =>
  z.enum(['content', 'add_add', 'modify_delete', 'rename', 'mode', 'binary', 'submodule', 'file_directory']).meta({
    id: 'ConflictKind',
    description:
      'Why a file cannot be merged. content: both sides changed the same lines. add_add: both added it. modify_delete: one changed it, the other deleted it.',
    example: 'content',
  }),
);
export type ConflictKind = Infer<typeof ConflictKind>;

export const ConflictSide = schema(() =>
  z.enum(['ours', 'theirs']).meta({
    id: 'ConflictSide',
    description: 'ours: what was merged first. theirs: the work that conflicts with it.',
    example: 'ours',
  }),
);
export type ConflictSide = Infer<typeof ConflictSide>;

export const DependencyType = schema(() =>
  z.enum(['finish_to_start', 'start_to_start', 'finish_to_finish', 'start_to_finish']).meta({
    id: 'DependencyType',
    description:
      "The other task's event, then this task's: `finish_to_start` means that this task starts after the other has finished.",
    example: 'finish_to_start',
  }),
);
export type DependencyType = Infer<typeof DependencyType>;

export const ComplexityLevel = schema(() =>
  z.enum(['trivial', 'simple', 'moderate', 'complex', 'expert']).meta({
    id: 'ComplexityLevel',
    description:
      'By expected hours: trivial below 0.25, simple below 1, moderate below 4, complex below 8, else expert.',
    example: 'moderate',
  }),
);
export type ComplexityLevel = Infer<typeof ComplexityLevel>;

export const Role = schema(() =>
  z
    .enum(['admin', 'operator', 'viewer', 'agent'])
    .meta({ id: 'Role', description: 'The role of a token, which determines its permissions.', example: 'operator' }),
);
export type Role = Infer<typeof Role>;

export const Capability = schema(() =>
  z
    .enum([
      'requirements_analysis',
      'system_design',
      'architecture_planning',
      'task_decomposition',
      'code_generation',
      'test_generation',
      'testing',
      'documentation',
      'refactoring',
      'code_review',
      'security_audit',
      'performance_analysis',
      'compliance_check',
      'debugging',
      'bug_fixing',
      'troubleshooting',
      'root_cause_analysis',
      'optimization',
      'deployment',
      'configuration',
      'monitoring',
      'scaling',
      'workflow_orchestration',
      'resource_allocation',
      'conflict_resolution',
      'progress_tracking',
      'api_development',
      'backend_development',
      'frontend_development',
      'database_design',
      'ci_cd',
    ])
    .meta({ id: 'Capability', description: 'What an agent can do.', example: 'code_generation' }),
);
export type Capability = Infer<typeof Capability>;

export const Capabilities = schema(() => z.array(Capability()).max(Capability().options.length));

export const AgentType = schema(() =>
  z
    .enum(['architect', 'implementer', 'reviewer', 'debugger', 'integrator', 'orchestrator', 'analyst', 'optimizer'])
    .meta({ id: 'AgentType', description: 'What an agent is for.', example: 'implementer' }),
);
export type AgentType = Infer<typeof AgentType>;

export const PerformanceTier = schema(() =>
  z
    .enum(['elite', 'advanced', 'competent', 'trainee', 'degraded'])
    .meta({ id: 'PerformanceTier', description: 'How well an agent’s recent work has ended.', example: 'competent' }),
);
export type PerformanceTier = Infer<typeof PerformanceTier>;

/** How an agent's assignment has ended. */
export type ResultStatus = 'completed' | 'partial' | 'failed';

export const LoadLevel = schema(() =>
  z
    .enum(['idle', 'optimal', 'high', 'critical', 'overloaded'])
    .meta({ id: 'LoadLevel', description: 'The share of an agent’s capacity that is in use.', example: 'optimal' }),
);
export type LoadLevel = Infer<typeof LoadLevel>;

export const ApprovalKind = schema(() =>
  z.enum(Object.keys(APPROVAL_KINDS) as (keyof typeof APPROVAL_KINDS)[]).meta({
    id: 'ApprovalKind',
    description:
      'What is asked for: a permission for the agent, the answer to its question, the start of a task (`task_gate`), or which side of a `conflict` of works shall stay.',
    example: 'permission',
  }),
);
export type ApprovalKind = Infer<typeof ApprovalKind>;

/** The kinds of approvals that an agent may ask for. */
export const AgentApprovalKind = schema(() => z.enum(kindsOfAgents(APPROVAL_KINDS) as KindOfAgent[]));

export const ApprovalStatus = schema(() =>
  z
    .enum(['open', 'answered', 'expired', 'withdrawn'])
    .meta({ id: 'ApprovalStatus', description: 'Whether an approval is still open.', example: 'open' }),
);
export type ApprovalStatus = Infer<typeof ApprovalStatus>;

export const Decision = schema(() =>
  z
    .enum(['once', 'always', 'reject'])
    .meta({ id: 'Decision', description: 'The answer to an approval.', example: 'once' }),
);
export type Decision = Infer<typeof Decision>;

export const Delivery = schema(() =>
  z.enum(['steer', 'follow_up']).meta({
    id: 'Delivery',
    description: 'steer: the message goes into the running turn; follow_up: it becomes the next turn.',
    example: 'follow_up',
  }),
);
export type Delivery = Infer<typeof Delivery>;

export const PermissionAction = schema(() =>
  z.enum(['allow', 'ask', 'deny']).meta({
    id: 'PermissionAction',
    description: 'Whether the agent may use a tool, or must ask first.',
    example: 'ask',
  }),
);
export type PermissionAction = Infer<typeof PermissionAction>;
