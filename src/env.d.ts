type WorkerVariables = import('./configuration/read.ts').WorkerVariables;

/**
 * The variables and secrets of the Worker, from the table of settings. The bindings' types are generated from
 * wrangler.toml (`npm run types`), which does not name the variables, because a deployment sets them.
 */
interface __BaseEnv_Env extends WorkerVariables {}
