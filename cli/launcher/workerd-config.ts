/** The inputs of the generated configuration of `workerd`. */
export interface WorkerdConfig {
  /** Loopback port. */
  port: number;
  compatibilityDate: string;
  compatibilityFlags: readonly string[];
  /** Absolute directory of the dashboard's files. */
  dashboardDirectory: string;
  /** Absolute directory of the objects' storage. */
  storageDirectory: string;
  /** Names of the environment variables that become bindings. Their values are never written to the file. */
  variables: readonly string[];
}

/** The object classes with their bindings. The unique key names the storage on disk, so it must never change. */
export const objectClasses = [
  { binding: 'SESSION', className: 'Session', uniqueKey: 'oio-Session' },
  { binding: 'AGENT_REGISTRY', className: 'AgentRegistry', uniqueKey: 'oio-AgentRegistry' },
  { binding: 'CONTEXT', className: 'Context', uniqueKey: 'oio-Context' },
  { binding: 'DIRECTORY', className: 'Directory', uniqueKey: 'oio-Directory' },
  { binding: 'WORKSPACE', className: 'Workspace', uniqueKey: 'oio-Workspace' },
] as const;

/** The names of the files that the configuration embeds. They are in its directory. */
export const embeddedFiles = { worker: 'worker.js', assets: 'assets.js' } as const;

/** The text of a `workerd serve` configuration: the Worker, its objects on disk, and the dashboard behind `ASSETS`. */
export function workerdConfig(config: WorkerdConfig): string {
  const compatibility = [
    `compatibilityDate = ${text(config.compatibilityDate)}`,
    `compatibilityFlags = [${config.compatibilityFlags.map(text).join(', ')}]`,
  ].join(', ');
  const bindings = [
    ...objectClasses.map(
      ({ binding, className }) => `(name = ${text(binding)}, durableObjectNamespace = ${text(className)})`,
    ),
    '(name = "ASSETS", service = "assets")',
    ...config.variables.map((name) => `(name = ${text(name)}, fromEnvironment = ${text(name)})`),
  ];
  const namespaces = objectClasses.map(
    ({ className, uniqueKey }) => `(className = ${text(className)}, uniqueKey = ${text(uniqueKey)}, enableSql = true)`,
  );
  return `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "worker", worker = .worker),
    (name = "assets", worker = .assets),
    (name = "dashboard", disk = (path = ${text(config.dashboardDirectory)}, writable = false)),
    (name = "objects", disk = (path = ${text(config.storageDirectory)}, writable = true)),
    (name = "internet", network = (allow = ["public", "private"], tlsOptions = (trustBrowserCas = true))),
  ],
  sockets = [(name = "http", address = ${text(`127.0.0.1:${config.port}`)}, http = (), service = "worker")],
);

const worker :Workerd.Worker = (
  modules = [(name = "worker.js", esModule = embed ${text(embeddedFiles.worker)})],
  ${compatibility},
  bindings = [
    ${bindings.join(',\n    ')},
  ],
  durableObjectNamespaces = [
    ${namespaces.join(',\n    ')},
  ],
  durableObjectStorage = (localDisk = "objects"),
);

const assets :Workerd.Worker = (
  modules = [(name = "assets.js", esModule = embed ${text(embeddedFiles.assets)})],
  ${compatibility},
  bindings = [(name = "DISK", service = "dashboard")],
);
`;
}

/** A Cap'n Proto string literal. It supports all escapes of JSON except \\u, which no path here needs. */
function text(value: string): string {
  return JSON.stringify(value);
}
