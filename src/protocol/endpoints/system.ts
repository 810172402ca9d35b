import { Health, Readiness } from '../system/readiness.ts';
import { type Endpoints, json } from './endpoint.ts';
import type { OperationId } from './routes.ts';

/** Whether the Worker and its dependencies answer; open to everyone. */
export const SYSTEM_ENDPOINTS = {
  readHealth: {
    tag: 'System',
    summary: 'Whether the Worker answers',
    access: 'public',
    responses: { 200: json(Health, 'It does.') },
    errors: [],
  },
  readReadiness: {
    tag: 'System',
    summary: 'Whether its dependencies answer',
    access: 'public',
    responses: {
      200: json(Readiness, 'Sessions run; some of what is only needed for history or metrics may be away.'),
      503: json(Readiness, 'The objects cannot be reached: nothing works.'),
    },
    errors: [],
  },
} as const satisfies Partial<Endpoints<OperationId>>;
