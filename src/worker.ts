import { compose } from './composition.ts';
import { createApp } from './http/app.ts';

export { AgentRegistry } from '../durable-objects/agent-registry/agent-registry.ts';
export { Directory } from '../durable-objects/directory/directory.ts';

export { Session } from '../durable-objects/session/session.ts';
export { Workspace } from '../durable-objects/workspace/workspace.ts';

/** One application for each environment that this isolate is called with: in production there is one. */
const apps = new WeakMap<Env, ReturnType<typeof createApp>>();

function appOf(env: Env): ReturnType<typeof createApp> {
  const kept = apps.get(env);
  if (kept) return kept;
  const app = createApp(compose(env));
  apps.set(env, app);
  return app;
}

export default {
  fetch: (request, env, ctx) => appOf(env).fetch(request, env, ctx),
} satisfies ExportedHandler<Env>;
