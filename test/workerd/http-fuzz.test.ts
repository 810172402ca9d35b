import fc from 'fast-check';
import { expect, it } from 'vitest';
import { endpointOf, errorCodesOf, OPERATION_IDS } from '../../src/protocol/endpoints/endpoints.ts';
import { matchPath, type OperationId, ROUTES } from '../../src/protocol/endpoints/routes.ts';
import type { SessionView } from '../../src/protocol/session/session.ts';
import { MemoryContextArchive } from '../support/memory-context-archive.ts';
import { runs } from '../support/seeds.ts';
import { appWith, HOST, newWorkspace, signToken, UUID } from './http-support.ts';

interface Operation {
  parameters?: { name: string; in: string }[];
  requestBody?: { content: { 'application/json': { schema: { $ref: string } } } };
}

interface Document {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, { example: unknown }> };
}

/** With lists of contexts, which are in Postgres. */
const { ask } = appWith({ contextArchive: new MemoryContextArchive() });
const document = (await (await ask('/openapi.json')).json()) as Document;
const operations = Object.entries(document.paths)
  .filter(([path]) => path.startsWith('/api/'))
  .flatMap(([path, methods]) => Object.entries(methods).map(([method, operation]) => ({ path, method, operation })));

/** Strings that often cause errors. */
const nasty = fc.constantFrom(
  '',
  '\u0000',
  '\ud800',
  '__proto__',
  '%',
  "'; --",
  '../..',
  '9'.repeat(400),
  '💥',
  'null',
);
const text = fc.oneof(nasty, fc.string({ unit: 'binary' }));
const json = fc.oneof(
  fc.jsonValue({ maxDepth: 4 }),
  text,
  fc.constantFrom(Number.MAX_VALUE, -0, 1e21),
  fc.dictionary(text, fc.oneof(text, fc.integer())),
);

/** A valid body with one member replaced, removed or added, or any other value. */
function bodyFor({ requestBody }: Operation): fc.Arbitrary<unknown> {
  const name = requestBody?.content['application/json'].schema.$ref.split('/').at(-1);
  const example = (name === undefined ? {} : document.components.schemas[name]?.example) as Record<string, unknown>;
  const member = fc.oneof(fc.constantFrom('title', ...Object.keys(example)), text);
  return fc.oneof(
    json,
    fc.constant(example),
    fc.tuple(member, json).map(([key, value]) => ({ ...example, [key]: value })),
    member.map((key) => Object.fromEntries(Object.entries(example).filter(([name]) => name !== key))),
  );
}

/** The operation that a request reaches. With a parameter such as `..` or an empty one, it is another one. */
function operationAt(method: string, path: string): OperationId | undefined {
  const { pathname } = new URL(path, HOST);
  return OPERATION_IDS.find((id) => ROUTES[id].method === method && matchPath(id, pathname) !== null);
}

const request = fc.constantFrom(...operations).chain(({ path, method, operation }) => {
  const names = (operation.parameters ?? []).filter((parameter) => parameter.in === 'query').map(({ name }) => name);
  return fc.record({
    path: fc.constant(path),
    method: fc.constant(method.toUpperCase()),
    hit: fc.boolean(),
    started: fc.boolean(),
    part: text,
    query: fc.dictionary(fc.constantFrom('x', ...names), fc.oneof(text, fc.constantFrom('1', 'true', 'running'))),
    body: bodyFor(operation),
    key: fc.option(fc.stringMatching(/^[!-~]{1,20}$/)),
  });
});

it('every response is a success that its schema accepts, or an error code from the table', {
  timeout: 120_000,
}, async () => {
  const token = await signToken('admin', newWorkspace());
  /** A new session for each run, because a run may delete it. */
  const newSession = async (started: boolean) => {
    const body = { title: 'To be poked at', initial_prompt: 'x' };
    const { id } = (await (await ask('/api/v1/sessions', { token, body })).json()) as SessionView;
    if (started) await ask(`/api/v1/sessions/${id}/start`, { token, method: 'POST' });
    return id;
  };
  await fc.assert(
    fc.asyncProperty(request, async ({ path, method, hit, started, part, query, body, key }) => {
      const ids: Record<string, string> = {
        id: hit ? await newSession(started) : '',
        approval_id: UUID,
        artifact_id: UUID,
      };
      const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
        hit ? ids[name]! : encodeURIComponent(part.toWellFormed()),
      );
      const wellFormed = Object.entries(query).map(([name, value]) => [name, value.toWellFormed()]);
      const response = await ask(`${filled}?${new URLSearchParams(wellFormed)}`, {
        method,
        token,
        ...(method !== 'GET' && { body: JSON.stringify(body) }),
        ...(key !== null && { headers: { 'Idempotency-Key': key } }),
      });
      const answer = await response.text();
      expect(response.status, answer).toBeLessThan(500);
      const reached = operationAt(method, filled);
      if (response.status >= 400) {
        const codes = reached === undefined ? ['not_found', 'method_not_allowed'] : errorCodesOf(reached);
        expect(codes).toContain(JSON.parse(answer).code);
      } else endpointOf(reached!).responses[response.status]!.schema?.().parse(JSON.parse(answer));
    }),
    runs(80),
  );
});
