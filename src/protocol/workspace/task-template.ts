import * as z from 'zod';
import { Capabilities } from '../common/enums.ts';
import { Instant } from '../common/instant.ts';
import { exceedsBytes, MAX_TEMPLATE_PARTS } from '../common/limits.ts';
import { type Infer, schema } from '../common/schema.ts';
import { Title } from '../session/title.ts';

/** Templates, by which a task is split into parts. */

const MAX_BYTES = 32_768;
/** A rule that is more specific than those which the control plane has itself, unless it says otherwise. */
const OWN_SPECIFICITY = 80;

export const TemplateName = schema(() =>
  z
    .string()
    .regex(/^[a-z0-9][a-z0-9_-]{0,63}$/, 'must be 1–64 lower-case letters, digits, _ and -')
    .meta({ description: 'The name of a template.', example: 'migration' }),
);

/** Names a part within its template. */
export const PartName = schema(() => z.string().regex(/^[\w-]{1,40}$/, 'must be 1–40 letters, digits, _ and -'));

const Trigger = schema(() =>
  z
    .string()
    .trim()
    .min(2)
    .max(60)
    .regex(/[\p{L}\p{N}]/u, 'must have a letter or a digit'),
);

export const TemplatePart = schema(() =>
  z.strictObject({
    name: PartName(),
    title: Title().meta({ description: 'What is done in this part. The title of the task follows it.' }),
    description: z.string().min(1).max(5_000).meta({ description: 'What the agent of the part is told.' }),
    hours: z.number().positive().max(1_000),
    required_capabilities: Capabilities().default([]),
    depends_on: z.array(PartName()).max(MAX_TEMPLATE_PARTS).default([]).meta({
      description: 'Names of other parts of the template, which must be done first.',
    }),
  }),
);
export type TemplatePart = Infer<typeof TemplatePart>;

const EXAMPLE = {
  triggers: ['database migration', 'schema change'],
  specificity: 80,
  raises_priority: false,
  parts: [
    {
      name: 'migration',
      title: 'Migration',
      description: 'Write the migration.',
      hours: 2,
      required_capabilities: ['database_design' as const],
      depends_on: [],
    },
    {
      name: 'rehearsal',
      title: 'Rehearsal',
      description: 'Run it on a copy of the data.',
      hours: 1,
      required_capabilities: ['testing' as const],
      depends_on: ['migration'],
    },
  ],
};

export const TemplateBody = schema(() =>
  z
    .strictObject({
      triggers: z.array(Trigger()).min(1).max(50).meta({
        description:
          'Words, or several words in a row. The template fits a task whose title or description has one of them, in whole words, in upper or lower case.',
      }),
      specificity: z.int().min(1).max(100).default(OWN_SPECIFICITY).meta({
        description:
          'Of the templates that fit, the one with the greatest is used. Those of every workspace have 10 to 60.',
      }),
      raises_priority: z.boolean().default(false).meta({
        description: 'Whether the parts have a higher priority than the task: `high` instead of `normal`, for example.',
      }),
      parts: z.array(TemplatePart()).min(2).max(MAX_TEMPLATE_PARTS),
    })
    .refine((template) => !exceedsBytes(JSON.stringify(template), MAX_BYTES), 'must be at most 32 KiB of JSON')
    .meta({
      id: 'TaskTemplateRequest',
      description: 'A template of the workspace. One with the name of a built-in template is used instead of it.',
      example: EXAMPLE,
    }),
);
export type TemplateBody = Infer<typeof TemplateBody>;

/** A template as it is used. */
export interface TaskTemplate extends TemplateBody {
  name: string;
}

export const TemplateView = schema(() =>
  z
    .object({
      name: TemplateName(),
      ...TemplateBody().shape,
      is_built_in: z.boolean().meta({ description: 'Whether every workspace has it.' }),
      updated_at: Instant().nullable().meta({ description: 'When it was stored; null for a built-in one.' }),
    })
    .meta({
      id: 'TaskTemplate',
      description: 'A template, by which tasks are split into parts.',
      example: { name: 'migration', ...EXAMPLE, is_built_in: false, updated_at: '2026-11-22T15:04:05.678Z' },
    }),
);
export type TemplateView = Infer<typeof TemplateView>;

export const TemplateList = schema(() =>
  z.object({ templates: z.array(TemplateView()) }).meta({
    id: 'TaskTemplateList',
    description: 'All templates of the workspace, the most specific first.',
    example: {
      templates: [{ name: 'migration', ...EXAMPLE, is_built_in: false, updated_at: '2026-11-22T15:04:05.678Z' }],
    },
  }),
);
export type TemplateList = Infer<typeof TemplateList>;
