import type { Hono } from 'hono';
import { ReadinessReader } from '../../application/readiness.ts';
import { type ErrorCode, ok, PROBLEM_TYPES } from '../../protocol/common/errors.ts';
import type { AppContext, AppEnv } from '../context.ts';
import type { Dependencies } from '../dependencies.ts';
import { catalogue, catalogueEntry, renderProblems } from '../docs/problem-pages.ts';
import type { SomeHandlers } from '../endpoints.ts';
import { asPage, wantsPage } from '../middleware/security-headers.ts';
import { problem } from '../problems.ts';

/** Handlers for health and readiness. */
export function systemHandlers({ readiness, effects }: Dependencies) {
  const reader = new ReadinessReader(readiness, effects.now);
  return {
    readHealth: async () => ok({ status: 'ok' }),
    readReadiness: async () => {
      const body = await reader.read();
      return ok({ status: body.status === 'unavailable' ? 503 : 200, body });
    },
  } satisfies SomeHandlers;
}

/** The paths of the API's description, which allow GET and HEAD. */
export const REFERENCE_PATHS = ['/openapi.json', '/docs', '/docs/style.css', PROBLEM_TYPES] as const;

/** Serves the API's description for programs and for people, which the build has written, and the catalogue of errors. */
export function mountReference(app: Hono<AppEnv>, { assets }: Dependencies): void {
  const [forPrograms, forPeople, stylesheet, problems] = REFERENCE_PATHS;
  /** The build's file at the path of the request, whatever conditions the request has. */
  const built = async (c: AppContext): Promise<string> => {
    const file = await assets(new Request(new URL(c.req.path, c.req.url)));
    if (!file.ok) throw new Error(`The build has no file for ${c.req.path}.`);
    return file.text();
  };
  app.get(forPrograms, async (c) => c.body(await built(c), 200, { 'Content-Type': 'application/json' }));
  app.get(forPeople, async (c) => html(await built(c)));
  app.get(stylesheet, async (c) => asPage(new Response(await built(c), typed('text/css'))));
  app.get(problems, (c) => (wantsPage(c) ? html(renderProblems()) : c.json(catalogue())));
  app.get(`${problems}/:code`, (c) => {
    const entry = catalogueEntry(c.req.param('code'));
    if (!entry)
      return problem(c, { code: 'not_found', detail: `There is no such error. ${problems} lists all errors.` });
    return wantsPage(c) ? html(renderProblems([entry.code as ErrorCode])) : c.json(entry);
  });
}

function html(page: string): Response {
  return asPage(new Response(page, typed('text/html')));
}

function typed(type: string): ResponseInit {
  return { headers: { 'Content-Type': `${type}; charset=utf-8` } };
}
