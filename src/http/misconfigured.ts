import { Hono } from 'hono';
import type { AppEnv } from './context.ts';
import type { Dependencies } from './dependencies.ts';
import { requestId } from './middleware/request-id.ts';
import { requestLog } from './middleware/request-log.ts';
import { problem } from './problems.ts';

/**
 * Responds to every request with 503, because a variable of the deployment is invalid. If the Worker ignored it, it
 * would run with a different value than its operator believes.
 *
 * @param requirement one sentence for the operator, without the variable's value
 */
export function createMisconfiguredApp(
  requirement: string,
  deps: Pick<Dependencies, 'logger' | 'effects'>,
): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  app.use(requestId(deps.effects));
  app.use(requestLog(deps));
  app.all('*', (c) => problem(c, { code: 'misconfigured', detail: requirement }));
  return app;
}
