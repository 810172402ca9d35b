import { createRoute, type OpenAPIHono } from '@hono/zod-openapi';
import { readReadiness } from '../../application/readiness.ts';
import { Health, Readiness } from '../../protocol/system/readiness.ts';
import type { AppEnv } from '../context.ts';
import type { Dependencies } from '../dependencies.ts';
import { renderReference } from '../docs/render.ts';
import { STYLESHEET } from '../docs/stylesheet.ts';
import { asPage } from '../middleware/security-headers.ts';
import { type ApiDocument, describeApi } from '../openapi.ts';
import { createRouter, json } from '../route.ts';

const tags = ['System'];
/** No token is asked for. */
const security: Record<string, string[]>[] = [];

const health = createRoute({
  method: 'get',
  path: '/health',
  tags,
  security,
  summary: 'Whether the Worker answers',
  responses: { 200: json(Health, 'It does.') },
});

const ready = createRoute({
  method: 'get',
  path: '/ready',
  tags,
  security,
  summary: 'Whether its dependencies answer',
  responses: {
    200: json(Readiness, 'Sessions run; some of what is only needed for history or metrics may be away.'),
    503: json(Readiness, 'The objects cannot be reached: nothing works.'),
  },
});

/** Routes that are open to everyone. @param api the whole application, to describe */
export function systemRoutes(deps: Dependencies, api: OpenAPIHono<AppEnv>) {
  let document: ApiDocument | undefined;
  const described = () => {
    document ??= describeApi(api);
    return document;
  };
  const router = createRouter()
    .openapi(health, (c) => c.json({ status: 'ok' as const }, 200))
    .openapi(ready, async (c) => {
      const readiness = await readReadiness(deps.readiness);
      return c.json(readiness, readiness.status === 'unavailable' ? 503 : 200);
    });
  router.get('/openapi.json', (c) => c.json(described()));
  router.get('/docs', () => asPage(new Response(renderReference(described()), typed('text/html'))));
  router.get('/docs/style.css', () => asPage(new Response(STYLESHEET, typed('text/css'))));
  return router;
}

function typed(type: string): ResponseInit {
  return { headers: { 'Content-Type': `${type}; charset=utf-8` } };
}
