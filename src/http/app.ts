import type { OpenAPIHono } from '@hono/zod-openapi';
import { cors } from 'hono/cors';
import { methodNotAllowed } from 'hono/method-not-allowed';
import { Authenticator, authenticated } from './auth/authenticate.ts';
import { Revocations } from './auth/revocations.ts';
import type { AppContext, AppEnv } from './context.ts';
import type { Dependencies } from './dependencies.ts';
import { jsonBody } from './middleware/json-body.ts';
import { requestId } from './middleware/request-id.ts';
import { requestLog } from './middleware/request-log.ts';
import { apiHeaders, asPage } from './middleware/security-headers.ts';
import { problem, problemsFromErrors } from './problems.ts';
import { createRouter } from './route.ts';
import { agentRoutes } from './routes/agents.ts';
import { codeRoutes, REDEEM_PATH } from './routes/codes.ts';
import { sessionActionRoutes } from './routes/session-actions.ts';
import { sessionWorkRoutes } from './routes/session-work.ts';
import { sessionRoutes } from './routes/sessions.ts';
import { socketRoutes } from './routes/sockets.ts';
import { systemRoutes } from './routes/system.ts';
import { ticketRoutes } from './routes/tickets.ts';
import { tokenRoutes } from './routes/tokens.ts';

/**
 * The whole HTTP side of the control plane, over the ports that it is given.
 *
 * A request passes: id → log → (405) → CORS → token → body → role → schema → handler. Whatever is thrown on the way
 * becomes problem details.
 */
export function createApp(deps: Dependencies): OpenAPIHono<AppEnv> {
  const app = createRouter();
  const revocations = new Revocations(deps.workspaces, deps.effects.now);
  const authenticator = new Authenticator({ ...deps, revocations });

  app.onError(problemsFromErrors(deps.logger));
  app.notFound((c) => unrouted(c, deps));

  app.use(requestId(deps.effects));
  app.use(requestLog(deps));
  app.use(
    methodNotAllowed({
      app,
      onMethodNotAllowed: (c: AppContext, methods) => refuseMethod(c, methods),
    }),
  );
  for (const path of ['/api/*', '/health', '/ready', '/openapi.json']) app.use(path, crossOrigin(deps.corsOrigins));
  app.use('/api/*', apiHeaders);
  app.use('/api/*', authenticated(authenticator, [REDEEM_PATH]));
  app.use('/api/*', jsonBody);

  app.route('/', sessionRoutes(deps));
  app.route('/', sessionActionRoutes(deps));
  app.route('/', sessionWorkRoutes(deps));
  app.route('/', agentRoutes(deps));
  app.route('/', tokenRoutes(deps, revocations));
  app.route('/', codeRoutes(deps));
  app.route('/', ticketRoutes(deps));
  app.route('/', socketRoutes(deps, authenticator));
  app.route('/', systemRoutes(deps, app));
  return app;
}

/** Tokens travel in a header that pages set themselves: cookies and other ambient credentials are never allowed. */
function crossOrigin(origins: readonly string[]) {
  return cors({
    origin: (origin) => (origins.includes('*') || origins.includes(origin) ? origin : null),
    allowMethods: ['GET', 'POST', 'PATCH', 'DELETE'],
    allowHeaders: ['Authorization', 'Content-Type', 'Idempotency-Key', 'X-Request-ID'],
    exposeHeaders: ['Location', 'Retry-After', 'X-Request-ID'],
    maxAge: 600,
  });
}

/** What no route takes: a problem under the API's own paths, else a file of the dashboard. */
async function unrouted(c: AppContext, deps: Dependencies): Promise<Response> {
  if (/^\/(api|ws|docs)(\/|$)/.test(c.req.path)) {
    return problem(c, { code: 'not_found', detail: 'There is no such path; /docs has them all.' });
  }
  if (c.req.method !== 'GET' && c.req.method !== 'HEAD') return refuseMethod(c, ['GET', 'HEAD']);
  return asPage(await deps.assets(c.req.raw));
}

function refuseMethod(c: AppContext, methods: string[]): Response {
  c.header('Allow', methods.join(', '));
  return problem(c, { code: 'method_not_allowed', detail: `This path takes ${methods.join(', ')}.` });
}
