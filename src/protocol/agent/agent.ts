import * as z from 'zod';
import { Capability } from '../common/enums.ts';
import { Uuid } from '../common/ids.ts';
import { NextCursor } from '../common/page.ts';
import { type Infer, schema } from '../common/schema.ts';

export const AgentName = schema(() =>
  z
    .string()
    .regex(/^AGENT-[A-Z0-9-]{1,60}$/, 'must look like AGENT-BUILD-01')
    .meta({ id: 'AgentName', description: 'The name of an agent.', example: 'AGENT-LOCAL' }),
);

export const AgentView = schema(() =>
  z
    .object({
      id: Uuid(),
      name: AgentName(),
      connected: z.boolean(),
      capacity: z.int(),
      slots_used: z.int(),
      capabilities: z.array(Capability()),
      labels: z.array(z.string()),
      repository: z.string().nullable(),
      remotes: z.array(z.string()),
      model: z.string().nullable(),
      version: z.string(),
      last_seen_at: z.string(),
    })
    .meta({
      id: 'Agent',
      description: 'A registered agent.',
      example: {
        id: '3f0e1f5e-8a52-4f0c-9d0b-0d6f3a1b2c3d',
        name: 'AGENT-LOCAL',
        connected: true,
        capacity: 4,
        slots_used: 1,
        capabilities: ['code_generation'],
        labels: ['os=linux'],
        repository: '4b825dc642cb6eb9a060e54bf8d69288fbee4904',
        remotes: ['github.com/acme/web'],
        model: 'demo/scripted',
        version: '0.1.0',
        last_seen_at: '2026-11-22T15:04:05.678Z',
      },
    }),
);
export type AgentView = Infer<typeof AgentView>;

export const AgentList = schema(() =>
  z.object({ items: z.array(AgentView()), next_cursor: NextCursor() }).meta({
    id: 'AgentList',
    description: 'A page of the workspace’s agents, by name.',
    example: { items: [], next_cursor: null },
  }),
);
export type AgentList = Infer<typeof AgentList>;
