import type { Hono } from 'hono';
import { ReadinessReader } from '../../application/readiness.ts';
import { type ErrorCode, ok, PROBLEM_TYPES } from '../../protocol/common/errors.ts';
import type { AppEnv } from '../context.ts';
import type { Dependencies } from '../dependencies.ts';
import { catalogue, catalogueEntry, renderProblems } from '../docs/problem-pages.ts';
import { renderReference } from '../docs/render.ts';
import { STYLESHEET } from '../docs/stylesheet.ts';
import type { SomeHandlers } from '../endpoints.ts';
import { asPage, wantsPage } from '../middleware/security-headers.ts';
import { type ApiDocument, describeApi } from '../openapi.ts';
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

/** Serves the API's description for programs and for people. It is generated at the first request. */
export function mountReference(app: Hono<AppEnv>): void {
  const [forPrograms, forPeople, stylesheet, problems] = REFERENCE_PATHS;
  let document: ApiDocument | undefined;
  const described = () => {
    document ??= describeApi();
    return document;
  };
  app.get(forPrograms, (c) => c.json(described()));
  app.get(forPeople, () => html(renderReference(described())));
  app.get(stylesheet, () => asPage(new Response(STYLESHEET, typed('text/css'))));
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
