import * as z from 'zod';
import { type Infer, schema } from '../common/schema.ts';

/** Whether the Worker and its dependencies answer. */

export const Health = schema(() =>
  z
    .object({ status: z.literal('ok') })
    .meta({ id: 'Health', description: 'The Worker is running.', example: { status: 'ok' } }),
);
export type Health = Infer<typeof Health>;

export const DependencyState = schema(() =>
  z
    .object({
      name: z.enum(['objects', 'postgres', 'redis']),
      status: z.enum(['ok', 'unavailable', 'not_configured']),
      detail: z.string().optional(),
    })
    .meta({
      id: 'DependencyState',
      description: 'Whether a dependency can be reached.',
      example: { name: 'postgres', status: 'unavailable', detail: 'no answer within 2000 ms' },
    }),
);
export type DependencyState = Infer<typeof DependencyState>;

export const Readiness = schema(() =>
  z.object({ status: z.enum(['ready', 'degraded', 'unavailable']), dependencies: z.array(DependencyState()) }).meta({
    id: 'Readiness',
    description: 'degraded: sessions run, but history or metrics are delayed. unavailable: nothing works.',
    example: { status: 'ready', dependencies: [{ name: 'objects', status: 'ok' }] },
  }),
);
export type Readiness = Infer<typeof Readiness>;
