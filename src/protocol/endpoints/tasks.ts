import * as z from 'zod';
import { TaskId } from '../common/ids.ts';
import { PageQuery } from '../common/page.ts';
import { schema } from '../common/schema.ts';
import { DecomposeTaskRequest } from '../session/decomposition.ts';
import { GraphCreated, SessionGraph, Task, TaskList } from '../session/task.ts';
import {
  AddDependencyRequest,
  ExpectedVersionQuery,
  RemoveQuery,
  RetryTaskRequest,
  TaskDependencies,
  UpdateTaskRequest,
  UpdateTaskStatusRequest,
} from '../session/task-changes.ts';
import {
  CreateGraphRequest,
  CreateTaskRequest,
  ListTasksQuery,
  ReadGraphQuery,
  ReadTaskQuery,
} from '../session/task-requests.ts';
import { type Endpoints, json, page } from './endpoint.ts';
import type { OperationId } from './routes.ts';
import { SessionParams } from './sessions.ts';

export const TaskParams = schema(() => z.object({ id: TaskId() }));

/** Operations on tasks, and on the graph that they are in a session. */
export const TASK_ENDPOINTS = {
  createTask: {
    tag: 'Tasks',
    summary: 'Add a task to a session',
    access: 'operate',
    idempotent: true,
    body: CreateTaskRequest,
    responses: { 201: { ...json(Task, 'The task.'), headers: { Location: 'The path of the task.' } } },
    errors: ['not_found', 'illegal_transition', 'stale_graph', 'dependency_cycle'],
  },
  listTasks: {
    tag: 'Tasks',
    summary: 'List the tasks of a session that is named in the query',
    access: 'read',
    query: ListTasksQuery,
    responses: { 200: page(TaskList, 'A page of tasks.') },
    errors: ['not_found'],
  },
  readTask: {
    tag: 'Tasks',
    summary: 'Read a task',
    access: 'read',
    params: TaskParams,
    query: ReadTaskQuery,
    responses: { 200: json(Task, 'The task.') },
    errors: ['not_found'],
  },
  updateTask: {
    tag: 'Tasks',
    summary: 'Change a task',
    access: 'operate',
    idempotent: true,
    params: TaskParams,
    body: UpdateTaskRequest,
    responses: { 200: json(Task, 'The task.') },
    errors: ['not_found', 'illegal_transition', 'stale_graph'],
  },
  deleteTask: {
    tag: 'Tasks',
    summary: 'Remove a task that no agent has begun with, and its subtasks',
    access: 'operate',
    idempotent: true,
    params: TaskParams,
    query: RemoveQuery,
    responses: { 204: { description: 'The task is removed.' } },
    errors: ['not_found', 'illegal_transition', 'stale_graph', 'has_dependents'],
  },
  updateTaskStatus: {
    tag: 'Tasks',
    summary: 'End a task from outside: complete, fail, cancel or skip it',
    access: 'operate',
    idempotent: true,
    params: TaskParams,
    body: UpdateTaskStatusRequest,
    responses: { 200: json(Task, 'The task.') },
    errors: ['not_found', 'illegal_transition'],
  },
  retryTask: {
    tag: 'Tasks',
    summary: 'Start an ended task again, alone or with all tasks that follow it',
    access: 'operate',
    idempotent: true,
    params: TaskParams,
    body: RetryTaskRequest,
    responses: { 200: json(Task, 'The task.') },
    errors: ['not_found', 'illegal_transition'],
  },
  decomposeTask: {
    tag: 'Tasks',
    summary: 'Split a task into parts, by rules or by the plan of an agent',
    access: 'operate',
    idempotent: true,
    params: TaskParams,
    body: DecomposeTaskRequest,
    responses: {
      200: json(Task, 'The task with its subtasks.'),
      202: json(Task, 'The task. An agent is asked for a plan; `decomposition` and the events say how far it is.'),
    },
    errors: ['not_found', 'illegal_transition', 'stale_graph', 'dependency_cycle', 'has_dependents', 'limit_reached'],
  },
  readDependencies: {
    tag: 'Tasks',
    summary: 'Read what a task waits for, and what waits for it',
    access: 'read',
    params: TaskParams,
    responses: { 200: json(TaskDependencies, 'The dependencies.') },
    errors: ['not_found'],
  },
  addDependency: {
    tag: 'Tasks',
    summary: 'Let a task wait for another one',
    access: 'operate',
    idempotent: true,
    params: TaskParams,
    body: AddDependencyRequest,
    responses: { 200: json(Task, 'The task.') },
    errors: ['not_found', 'illegal_transition', 'stale_graph', 'dependency_cycle', 'limit_reached'],
  },
  removeDependency: {
    tag: 'Tasks',
    summary: 'Let a task no longer wait for another one',
    access: 'operate',
    idempotent: true,
    params: schema(() => TaskParams().extend({ depends_on_task_id: TaskId() })),
    query: ExpectedVersionQuery,
    responses: { 200: json(Task, 'The task.') },
    errors: ['not_found', 'illegal_transition', 'stale_graph'],
  },
  createGraph: {
    tag: 'Tasks',
    summary: 'Add tasks with their dependencies to a session, all or none, also while it runs',
    access: 'operate',
    idempotent: true,
    params: SessionParams,
    body: CreateGraphRequest,
    responses: { 201: json(GraphCreated, 'The ids of the tasks.') },
    errors: ['not_found', 'illegal_transition', 'stale_graph', 'dependency_cycle'],
  },
  listSessionTasks: {
    tag: 'Tasks',
    summary: 'List the tasks of a session',
    access: 'read',
    params: SessionParams,
    query: PageQuery,
    responses: { 200: page(TaskList, 'A page of tasks.') },
    errors: ['not_found'],
  },
  readGraph: {
    tag: 'Tasks',
    summary: 'Read the graph of a session, with its critical path and a prediction',
    access: 'read',
    params: SessionParams,
    query: ReadGraphQuery,
    responses: { 200: json(SessionGraph, 'The graph.') },
    errors: ['not_found'],
  },
} as const satisfies Partial<Endpoints<OperationId>>;
