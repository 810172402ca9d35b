import { consoleLogger } from './adapters/console-logger.ts';
import { compose, effects } from './composition.ts';
import { SettingError } from './configuration/read.ts';
import { createApp } from './http/app.ts';
import { createMisconfiguredApp } from './http/misconfigured.ts';
import { errorFields } from './ports/logger.ts';

export { AgentRegistry } from '../durable-objects/agent-registry/agent-registry.ts';
export { Context } from '../durable-objects/context/context.ts';
export { Directory } from '../durable-objects/directory/directory.ts';

export { Session } from '../durable-objects/session/session.ts';
export { Workspace } from '../durable-objects/workspace/workspace.ts';

type App = Pick<ReturnType<typeof createApp>, 'fetch'>;

/** One application for each environment of this isolate. In production there is only one. */
const apps = new WeakMap<Env, App>();

function appOf(env: Env): App {
  const kept = apps.get(env);
  if (kept) return kept;
  const app = build(env);
  apps.set(env, app);
  return app;
}

function build(env: Env): App {
  try {
    return createApp(compose(env));
  } catch (error) {
    if (!(error instanceof SettingError)) throw error;
    const logger = consoleLogger('info');
    logger('error', 'misconfigured', { variable: error.variable, ...errorFields(error) });
    return createMisconfiguredApp(error.requirement, { logger, effects });
  }
}

export default {
  fetch: (request, env, ctx) => appOf(env).fetch(request, env, ctx),
} satisfies ExportedHandler<Env>;
