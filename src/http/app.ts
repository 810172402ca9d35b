import { Hono } from 'hono';
import { PROBLEM_TYPES } from '../protocol/common/errors.ts';
import { methodsOf, pathOf } from '../protocol/endpoints/routes.ts';
import { Authenticator, authenticated } from './auth/authenticate.ts';
import { OwnTokens } from './auth/own-tokens.ts';
import { Revocations } from './auth/revocations.ts';
import type { AppContext, AppEnv } from './context.ts';
import type { Dependencies } from './dependencies.ts';
import { mount } from './endpoints.ts';
import { crossOrigin } from './middleware/cross-origin.ts';
import { requestId } from './middleware/request-id.ts';
import { requestLog } from './middleware/request-log.ts';
import { apiHeaders, asPage, wantsPage } from './middleware/security-headers.ts';
import { discardUnreadBody } from './middleware/unread-body.ts';
import { problem, problemsFromErrors } from './problems.ts';
import { agentHandlers } from './routes/agents.ts';
import { codeHandlers } from './routes/codes.ts';
import { contextHandlers } from './routes/contexts.ts';
import { leaseHandlers } from './routes/leases.ts';
import { lockHandlers } from './routes/locks.ts';
import { sessionActionHandlers } from './routes/session-actions.ts';
import { sessionWorkHandlers } from './routes/session-work.ts';
import { sessionHandlers } from './routes/sessions.ts';
import { onlyVerifiedUpgrades, socketHandlers } from './routes/sockets.ts';
import { mountReference, REFERENCE_PATHS, systemHandlers } from './routes/system.ts';
import { taskHandlers } from './routes/tasks.ts';
import { templateHandlers } from './routes/templates.ts';
import { ticketHandlers } from './routes/tickets.ts';
import { tokenHandlers } from './routes/tokens.ts';

/**
 * Builds the HTTP application of the control plane over the given ports.
 *
 * A request passes these steps: id → log → CORS → token → the endpoint's role → body → schemas → handler. An error that
 * is thrown in any step becomes problem details.
 */
export function createApp(deps: Dependencies): Hono<AppEnv> {
  const app = new Hono<AppEnv>({ strict: false });
  const revocations = new Revocations(deps.workspaces, deps.effects.now);
  const authenticator = new Authenticator({
    ...deps,
    revocations,
    ownTokens: new OwnTokens(deps.agentRegistries, deps.effects.now),
  });

  app.onError(problemsFromErrors(deps.logger));
  app.notFound((c) => unrouted(c, deps));

  app.use(requestId(deps.effects));
  app.use(requestLog(deps));
  app.use(discardUnreadBody);
  for (const path of ['/api/*', '/health', '/ready', '/openapi.json', `${PROBLEM_TYPES}/*`])
    app.use(path, crossOrigin(deps.corsOrigins));
  app.use('/api/*', apiHeaders);
  // `redeemCode` takes a sign-in code in place of a token. Its handler verifies the code.
  app.use('/api/*', authenticated(authenticator, [pathOf('redeemCode')]));
  app.use('/ws/*', onlyVerifiedUpgrades(authenticator));

  mount(app, {
    ...sessionHandlers(deps),
    ...sessionActionHandlers(deps),
    ...sessionWorkHandlers(deps, authenticator),
    ...taskHandlers(deps),
    ...contextHandlers(deps),
    ...templateHandlers(deps),
    ...agentHandlers(deps),
    ...leaseHandlers(deps, authenticator),
    ...lockHandlers(deps),
    ...tokenHandlers(deps, revocations),
    ...codeHandlers(deps),
    ...ticketHandlers(deps),
    ...socketHandlers(deps),
    ...systemHandlers(deps),
  });
  mountReference(app, deps);
  return app;
}

/** Handles a request that matches no route: a problem on a path of the API, otherwise a file of the dashboard. */
async function unrouted(c: AppContext, deps: Dependencies): Promise<Response> {
  const { path, method } = c.req;
  const methods = REFERENCE_PATHS.some((known) => known === path) ? ['GET'] : methodsOf(path);
  if (methods.length > 0) return refuseMethod(c, methods);
  if (/^\/(api|ws|docs|problems)(\/|$)/.test(path)) {
    return problem(c, { code: 'not_found', detail: 'The API has no such path. /docs lists all paths.' });
  }
  if (method !== 'GET' && method !== 'HEAD') return refuseMethod(c, ['GET']);
  const file = await deps.assets(c.req.raw);
  if (path !== '/' && isPage(file) && !wantsPage(c)) {
    return problem(c, { code: 'not_found', detail: 'There is no such path. /docs lists the paths of the API.' });
  }
  return asPage(file);
}

/** Whether a response is the dashboard's page. The page has client-side routes, so it is served for unknown paths. */
function isPage(file: Response): boolean {
  return file.headers.get('Content-Type')?.startsWith('text/html') ?? false;
}

/** Responds with 405. @param methods the methods of the path; GET implies HEAD */
function refuseMethod(c: AppContext, methods: readonly string[]): Response {
  const allowed = methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])).join(', ');
  c.header('Allow', allowed);
  return problem(c, { code: 'method_not_allowed', detail: `This path allows ${allowed}.` });
}
