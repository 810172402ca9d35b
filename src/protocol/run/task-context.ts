import * as z from 'zod';
import { type Infer, schema } from '../common/schema.ts';
import { EffectiveContext } from '../context/merge.ts';

/** What a task is told of the contexts that it may see: as much as fits into its prompt. */
export const TaskContext = schema(() =>
  z
    .object({
      layers: EffectiveContext().shape.layers,
      values: z.array(z.object({ path: z.string(), value: z.unknown(), layer: z.int() })).meta({
        description: 'Values by JSON Pointer. `layer` is the place in `layers` of the context with the value.',
      }),
      left_out: z
        .array(z.object({ path: z.string(), bytes: z.int() }))
        .meta({ description: 'Values that are too long, with their lengths as JSON.' }),
      more: z.int().meta({ description: 'How many other values were left out.' }),
    })
    .meta({
      id: 'TaskContext',
      description:
        'What counts for the task when its work begins: of each key the value of its session, its agent or the workspace, whichever is nearest. It is bounded; read what was left out from the contexts.',
      example: {
        layers: [{ context_id: '3f0e1f5e-8a52-4f0c-9d0b-0d6f3a1b2c3d', scope: 'session', name: 'main', version: 2 }],
        values: [{ path: '/build', value: { status: 'green' }, layer: 0 }],
        left_out: [],
        more: 0,
      },
    }),
);
export type TaskContext = Infer<typeof TaskContext>;
