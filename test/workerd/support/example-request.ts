import type * as z from 'zod';
import { endpointOf } from '../../../src/protocol/endpoints/endpoints.ts';
import { type OperationId, ROUTES } from '../../../src/protocol/endpoints/routes.ts';
import type { Ask } from '../http-support.ts';

/** A valid request to an operation, built from the examples of its schemas. */
export function exampleRequest(id: OperationId): { path: string; options: Ask } {
  const { method, path } = ROUTES[id];
  const { params, query, body, responses } = endpointOf(id);
  const shape = (params?.().shape ?? {}) as Record<string, z.ZodType>;
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => String(exampleOf(shape[name]!)));
  const headers: Record<string, string> =
    101 in responses ? { Upgrade: 'websocket', 'Sec-WebSocket-Protocol': responses[101]!.subprotocol! } : {};
  // A query's optional members are left out.
  const members = Object.entries(((query?.() as z.ZodObject | undefined)?.shape ?? {}) as Record<string, z.ZodType>);
  const needed = members.filter(([, member]) => !member.safeParse(undefined).success);
  const search = needed.map(([name, member]) => `${name}=${exampleOf(member)}`).join('&');
  return {
    path: search === '' ? filled : `${filled}?${search}`,
    options: { method, headers, ...(body && { body: exampleOf(body()) }) },
  };
}

function exampleOf(schema: z.ZodType): unknown {
  const { example } = schema.meta() ?? {};
  if (example === undefined) throw new Error('a schema of the table has no example');
  return example;
}
