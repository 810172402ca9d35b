import type { Hono } from 'hono';
import { readReadiness } from '../../application/readiness.ts';
import { ok } from '../../protocol/common/errors.ts';
import type { AppEnv } from '../context.ts';
import type { Dependencies } from '../dependencies.ts';
import { renderReference } from '../docs/render.ts';
import { STYLESHEET } from '../docs/stylesheet.ts';
import type { SomeHandlers } from '../endpoints.ts';
import { asPage } from '../middleware/security-headers.ts';
import { type ApiDocument, describeApi } from '../openapi.ts';

/** Handlers for health and readiness. */
export function systemHandlers({ readiness }: Dependencies) {
  return {
    readHealth: async () => ok({ status: 'ok' }),
    readReadiness: async () => {
      const body = await readReadiness(readiness);
      return ok({ status: body.status === 'unavailable' ? 503 : 200, body });
    },
  } satisfies SomeHandlers;
}

/** The paths of the API's description, which allow GET and HEAD. */
export const REFERENCE_PATHS = ['/openapi.json', '/docs', '/docs/style.css'] as const;

/** Serves the API's description for programs and for people. It is generated at the first request. */
export function mountReference(app: Hono<AppEnv>): void {
  const [forPrograms, forPeople, stylesheet] = REFERENCE_PATHS;
  let document: ApiDocument | undefined;
  const described = () => {
    document ??= describeApi();
    return document;
  };
  app.get(forPrograms, (c) => c.json(described()));
  app.get(forPeople, () => asPage(new Response(renderReference(described()), typed('text/html'))));
  app.get(stylesheet, () => asPage(new Response(STYLESHEET, typed('text/css'))));
}

function typed(type: string): ResponseInit {
  return { headers: { 'Content-Type': `${type}; charset=utf-8` } };
}
