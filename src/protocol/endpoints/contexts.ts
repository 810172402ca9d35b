import * as z from 'zod';
import { JSON_PATCH_TYPE, MERGE_PATCH_TYPE } from '../common/media-types.ts';
import { schema } from '../common/schema.ts';
import { ContextRef } from '../context/address.ts';
import { Context, ContextDiff, ContextHistory } from '../context/context.ts';
import { ContextList, ListContextsQuery } from '../context/list.ts';
import {
  ContextHistoryQuery,
  ContextJsonPatch,
  ContextMergePatch,
  ContextVersionsQuery,
  CreateContextRequest,
  ReadContextQuery,
  RevertContextRequest,
  UpdateContextRequest,
} from '../context/requests.ts';
import { type Endpoints, json, page } from './endpoint.ts';
import type { OperationId } from './routes.ts';

export const ContextParams = schema(() => z.object({ id: ContextRef() }));

/** A response with a context, whose `ETag` is its version. */
const versioned = (description: string) =>
  ({ ...json(Context, description), headers: { ETag: 'The version of the context in quotes.' } }) as const;

/** Operations on contexts. */
export const CONTEXT_ENDPOINTS = {
  createContext: {
    tag: 'Contexts',
    summary: 'Create a context',
    access: 'operate',
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
  readContext: {
    tag: 'Contexts',
    summary: 'Read a context, at its newest version or at an older one',
    access: 'read',
    params: ContextParams,
    query: ReadContextQuery,
    responses: { 200: versioned('The context.') },
    errors: ['context_not_found'],
  },
  updateContext: {
    tag: 'Contexts',
    summary: 'Change places of a context, or make it by its first write',
    access: 'operate',
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
    access: 'operate',
    idempotent: true,
    params: ContextParams,
    responses: { 204: { description: 'The context is deleted.' } },
    errors: ['context_not_found', 'context_conflict'],
  },
  readContextHistory: {
    tag: 'Contexts',
    summary: 'List the changes of a context, the newest first',
    access: 'read',
    params: ContextParams,
    query: ContextHistoryQuery,
    responses: { 200: page(ContextHistory, 'A page of changes.') },
    errors: ['context_not_found'],
  },
  diffContextVersions: {
    tag: 'Contexts',
    summary: 'Compare two versions of a context',
    access: 'read',
    params: ContextParams,
    query: ContextVersionsQuery,
    responses: { 200: json(ContextDiff, 'The difference.') },
    errors: ['context_not_found'],
  },
  revertContext: {
    tag: 'Contexts',
    summary: 'Give a context the data of an older version again, as a new version',
    access: 'operate',
    idempotent: true,
    params: ContextParams,
    body: RevertContextRequest,
    responses: { 200: versioned('The context.') },
    errors: ['context_not_found', 'context_conflict'],
  },
} as const satisfies Partial<Endpoints<OperationId>>;
