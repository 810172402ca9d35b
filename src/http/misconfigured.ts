import { Hono } from 'hono';
import type { AppEnv } from './context.ts';
import type { Dependencies } from './dependencies.ts';
import { requestId } from './middleware/request-id.ts';
import { requestLog } from './middleware/request-log.ts';
import { problem } from './problems.ts';

/**
 * An application that responds to every request with 503, for a deployment with an invalid variable. A Worker that
 * ignored the variable would run with another value than its operator expects.
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
