import * as z from 'zod';
import { JSON_PATCH_TYPE, MERGE_PATCH_TYPE } from '../common/media-types.ts';
import { schema } from '../common/schema.ts';
import { ContextRef } from '../context/address.ts';
import { Context, ContextDiff, ContextHistory, ContextKey } from '../context/context.ts';
import { ContextList, ListContextsQuery } from '../context/list.ts';
import {
  ContextConflicts,
  EffectiveContext,
  EffectiveContextQuery,
  MergeContextsRequest,
  PromoteContextRequest,
  ResolveConflictRequest,
  ShareContextRequest,
} from '../context/merge.ts';
import {
  ContextHistoryQuery,
  ContextJsonPatch,
  ContextKeyPath,
  ContextMergePatch,
  ContextVersionsQuery,
  CreateContextRequest,
  PutContextKeyRequest,
  ReadContextQuery,
  RevertContextRequest,
  UpdateContextRequest,
} from '../context/requests.ts';
import { type Endpoints, json, page } from './endpoint.ts';
import type { OperationId } from './routes.ts';

export const ContextParams = schema(() => z.object({ id: ContextRef() }));

const ConflictNumber = schema(() =>
  z
    .string()
    .regex(/^[1-9]\d{0,9}$/, 'must be a whole number from 1, such as 1')
    .meta({ example: '1' }),
);
const ContextKeyParams = schema(() => z.object({ id: ContextRef(), path: ContextKeyPath() }));

/** A response with one place of a context. */
const key = (description: string) => ({ ...versioned(description), ...json(ContextKey, description) }) as const;

/** A response with a context, whose `ETag` is its version. */
const versioned = (description: string) =>
  ({ ...json(Context, description), headers: { ETag: 'The version of the context in quotes.' } }) as const;

/** Operations on contexts. */
export const CONTEXT_ENDPOINTS = {
  createContext: {
    tag: 'Contexts',
    summary: 'Create a context',
    access: 'write_context',
    leased: true,
    idempotent: true,
    body: CreateContextRequest,
    responses: {
      201: {
        ...json(Context, 'The context.'),
        headers: { Location: 'The path of the context.', ETag: 'The version of the context in quotes.' },
      },
    },
    errors: ['not_found', 'context_exists'],
  },
  listContexts: {
    tag: 'Contexts',
    summary: 'List and search the contexts of the workspace, the youngest first',
    access: 'read',
    query: ListContextsQuery,
    responses: { 200: page(ContextList, 'A page of contexts.') },
    errors: [],
  },
  mergeContexts: {
    tag: 'Contexts',
    summary: 'Merge contexts into one of them, or into another one',
    access: 'write_context',
    leased: true,
    idempotent: true,
    body: MergeContextsRequest,
    responses: { 200: versioned('The target. If it has open conflicts, they wait for answers.') },
    errors: ['context_not_found', 'context_conflict', 'limit_reached'],
  },
  readEffectiveContext: {
    tag: 'Contexts',
    summary: 'Read what counts for a session and an agent: of each key the nearest value, and whence it is',
    access: 'read_context',
    leased: true,
    query: EffectiveContextQuery,
    responses: { 200: json(EffectiveContext, 'The values.') },
    errors: ['not_found'],
  },
  readContext: {
    tag: 'Contexts',
    summary: 'Read a context, at its newest version or at an older one',
    access: 'read_context',
    leased: true,
    params: ContextParams,
    query: ReadContextQuery,
    responses: { 200: versioned('The context.') },
    errors: ['context_not_found'],
  },
  updateContext: {
    tag: 'Contexts',
    summary: 'Change places of a context, or make it by its first write',
    access: 'write_context',
    leased: true,
    idempotent: true,
    params: ContextParams,
    body: UpdateContextRequest,
    otherBodies: { [MERGE_PATCH_TYPE]: ContextMergePatch, [JSON_PATCH_TYPE]: ContextJsonPatch },
    responses: { 200: versioned('The context.') },
    errors: ['not_found', 'context_not_found', 'context_conflict'],
  },
  deleteContext: {
    tag: 'Contexts',
    summary: 'Delete a context with its history',
    access: 'write_context',
    leased: true,
    idempotent: true,
    params: ContextParams,
    responses: { 204: { description: 'The context is deleted.' } },
    errors: ['context_not_found', 'context_conflict'],
  },
  readContextKey: {
    tag: 'Contexts',
    summary: 'Read one place of a context',
    access: 'read_context',
    leased: true,
    params: ContextKeyParams,
    responses: { 200: key('The value.') },
    errors: ['not_found', 'context_not_found'],
  },
  putContextKey: {
    tag: 'Contexts',
    summary: 'Set one place of a context, or make the context by its first write',
    access: 'write_context',
    leased: true,
    idempotent: true,
    params: ContextKeyParams,
    body: PutContextKeyRequest,
    responses: { 200: key('The value.') },
    errors: ['not_found', 'context_not_found', 'context_conflict'],
  },
  deleteContextKey: {
    tag: 'Contexts',
    summary: 'Remove one place of a context',
    access: 'write_context',
    leased: true,
    idempotent: true,
    params: ContextKeyParams,
    responses: { 204: { description: 'The place is removed.' } },
    errors: ['not_found', 'context_not_found', 'context_conflict'],
  },
  readContextHistory: {
    tag: 'Contexts',
    summary: 'List the changes of a context, the newest first',
    access: 'read_context',
    leased: true,
    params: ContextParams,
    query: ContextHistoryQuery,
    responses: { 200: page(ContextHistory, 'A page of changes.') },
    errors: ['context_not_found'],
  },
  diffContextVersions: {
    tag: 'Contexts',
    summary: 'Compare two versions of a context',
    access: 'read_context',
    leased: true,
    params: ContextParams,
    query: ContextVersionsQuery,
    responses: { 200: json(ContextDiff, 'The difference.') },
    errors: ['context_not_found'],
  },
  diffContexts: {
    tag: 'Contexts',
    summary: 'Compare a context with another one',
    access: 'read_context',
    leased: true,
    params: schema(() => z.object({ id: ContextRef(), other: ContextRef() })),
    responses: { 200: json(ContextDiff, 'The difference from the context to the other one.') },
    errors: ['context_not_found'],
  },
  shareContext: {
    tag: 'Contexts',
    summary: 'Share a context with another session, as a copy or as a link',
    access: 'operate',
    leased: true,
    idempotent: true,
    params: ContextParams,
    body: ShareContextRequest,
    responses: { 200: versioned('The context of the session.') },
    errors: ['context_not_found', 'context_conflict', 'limit_reached'],
  },
  unlinkContext: {
    tag: 'Contexts',
    summary: 'Remove a link of a context',
    access: 'operate',
    leased: true,
    idempotent: true,
    params: schema(() => z.object({ id: ContextRef(), context_id: ContextRef() })),
    responses: { 204: { description: 'There is no such link any more.' } },
    errors: ['context_not_found'],
  },
  promoteContext: {
    tag: 'Contexts',
    summary: 'Give what is in a context to a wider scope',
    access: 'operate',
    leased: true,
    idempotent: true,
    params: ContextParams,
    body: PromoteContextRequest,
    responses: { 200: versioned('The context of the wider scope.') },
    errors: ['context_not_found', 'context_conflict', 'limit_reached'],
  },
  listContextConflicts: {
    tag: 'Contexts',
    summary: 'List the open conflicts of merges into a context',
    access: 'read_context',
    leased: true,
    params: ContextParams,
    query: ContextHistoryQuery,
    responses: { 200: page(ContextConflicts, 'A page of conflicts.') },
    errors: ['context_not_found'],
  },
  resolveContextConflict: {
    tag: 'Contexts',
    summary: 'Decide a conflict',
    access: 'write_context',
    leased: true,
    idempotent: true,
    params: schema(() => z.object({ id: ContextRef(), n: ConflictNumber() })),
    body: ResolveConflictRequest,
    responses: { 200: versioned('The context.') },
    errors: ['context_not_found', 'context_conflict'],
  },
  revertContext: {
    tag: 'Contexts',
    summary: 'Give a context the data of an older version again, as a new version',
    access: 'write_context',
    leased: true,
    idempotent: true,
    params: ContextParams,
    body: RevertContextRequest,
    responses: { 200: versioned('The context.') },
    errors: ['context_not_found', 'context_conflict'],
  },
} as const satisfies Partial<Endpoints<OperationId>>;
