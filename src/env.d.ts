type WorkerVariables = import('./configuration/read.ts').WorkerVariables;

/**
 * The variables and secrets of the Worker, from the table of settings. A deployment sets them, so wrangler.toml, from
 * which the bindings' types are generated (`npm run types`), does not name them.
 */
interface __BaseEnv_Env extends WorkerVariables {}
