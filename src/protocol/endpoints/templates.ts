import * as z from 'zod';
import { schema } from '../common/schema.ts';
import { TemplateBody, TemplateList, TemplateName, TemplateView } from '../workspace/task-template.ts';
import { type Endpoints, json } from './endpoint.ts';
import type { OperationId } from './routes.ts';

const TemplateParams = schema(() => z.object({ name: TemplateName() }));

/** Operations on the templates by which the tasks of a workspace are split. */
export const TEMPLATE_ENDPOINTS = {
  listTemplates: {
    tag: 'Templates',
    summary: 'List the templates by which tasks are split, built-in ones included',
    access: 'read',
    responses: { 200: json(TemplateList, 'The templates.') },
    errors: [],
  },
  readTemplate: {
    tag: 'Templates',
    summary: 'Read a template',
    access: 'read',
    params: TemplateParams,
    responses: { 200: json(TemplateView, 'The template.') },
    errors: ['not_found'],
  },
  putTemplate: {
    tag: 'Templates',
    summary: 'Add a template to the workspace, or replace it',
    access: 'operate',
    idempotent: true,
    params: TemplateParams,
    body: TemplateBody,
    responses: { 200: json(TemplateView, 'The template.') },
    errors: ['limit_reached'],
  },
  deleteTemplate: {
    tag: 'Templates',
    summary: 'Delete a template of the workspace; a built-in one of its name applies again',
    access: 'operate',
    idempotent: true,
    params: TemplateParams,
    responses: { 204: { description: 'The template is deleted.' } },
    errors: ['not_found'],
  },
} as const satisfies Partial<Endpoints<OperationId>>;
