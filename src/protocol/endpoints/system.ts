import { Health, Readiness } from '../system/readiness.ts';
import { type Endpoints, json } from './endpoint.ts';
import type { OperationId } from './routes.ts';

/** Health and readiness, without credentials. */
export const SYSTEM_ENDPOINTS = {
  readHealth: {
    tag: 'System',
    summary: 'Check that the Worker is running',
    access: 'public',
    responses: { 200: json(Health, 'The Worker is running.') },
    errors: [],
  },
  readReadiness: {
    tag: 'System',
    summary: 'Check that the dependencies can be reached',
    access: 'public',
    responses: {
      200: json(Readiness, 'Sessions run. Dependencies for history or metrics may be unavailable.'),
      503: json(Readiness, 'The objects cannot be reached, so nothing works.'),
    },
    errors: [],
  },
} as const satisfies Partial<Endpoints<OperationId>>;
