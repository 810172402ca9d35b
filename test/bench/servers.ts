import { randomUUID } from 'node:crypto';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DataDirectory } from '../../cli/data-directory.ts';
import { projectFile, readCompatibility, workerdProgram } from '../../cli/launcher/project.ts';
import { randomText } from '../../cli/launcher/secrets.ts';
import { prepareWorkerd, waitUntilHealthy } from '../../cli/launcher/workerd.ts';
import { freePort } from '../../runner/process/free-port.ts';
import { spawnGuarded } from '../../runner/process/guarded-process.ts';
import { TokenSigner } from '../../src/application/token-signer.ts';
import { createClient } from '../../src/client/client.ts';
import { readSetting } from '../../src/configuration/read.ts';
import type { Role } from '../../src/protocol/common/enums.ts';

/** A separate `workerd` on loopback. */
export interface Server {
  url: string;
  /** The process id. */
  pid: number;
  stop(): Promise<void>;
}

export interface ControlPlane extends Server {
  /** A token of a workspace, created over the API. */
  token(workspace: string, role: Role): Promise<string>;
}

const START_LIMIT_MS = 60_000;

/**
 * The control plane as `npm start` serves it, without Postgres and Redis.
 *
 * @param options.inspectorPort where `workerd` serves its inspector; without one there is none
 * @param options.variables more variables of the Worker
 */
export async function startControlPlane(
  directory: string,
  options: { inspectorPort?: number; variables?: Record<string, string> } = {},
): Promise<ControlPlane> {
  const signingKeys = `bench:${randomText()}`;
  const port = await freePort();
  const data = new DataDirectory(directory);
  const command = prepareWorkerd({ data, port, variables: { ...options.variables, OIO_SIGNING_KEYS: signingKeys } });
  const [verb = 'serve', ...rest] = command.args;
  const inspector = options.inspectorPort === undefined ? [] : [`--inspector-addr=127.0.0.1:${options.inspectorPort}`];
  const server = await serve(port, [verb, ...inspector, ...rest], command.env);
  const signer = new TokenSigner(readSetting('OIO_SIGNING_KEYS', { OIO_SIGNING_KEYS: signingKeys }), Date.now);
  return {
    ...server,
    token: async (ws, role) => {
      const iat = Math.floor(Date.now() / 1_000);
      // The first admin of this workspace. The configured token belongs to another workspace.
      const admin = await signer.sign({ use: 'api', ws, role: 'admin', jti: randomUUID(), iat, exp: iat + 60 });
      const client = createClient({ baseUrl: server.url, token: admin });
      return (await client.tokens.create({ name: 'bench', role })).token;
    },
  };
}

/** A request that the floor's Worker sends on. */
export interface Forwarded {
  url: string;
  method: 'POST';
  headers: Record<string, string>;
  body: string;
}

/** The floor: only `floor.js`, under the same runtime. @param forwarded by the names in its paths */
export async function startFloor(directory: string, forwarded: Record<string, Forwarded> = {}): Promise<Server> {
  const port = await freePort();
  const objects = join(directory, 'objects');
  mkdirSync(objects, { recursive: true });
  copyFileSync(projectFile('test/bench/floor.js'), join(directory, 'floor.js'));
  const config = join(directory, 'config.capnp');
  writeFileSync(config, floorConfig(port, objects, forwarded));
  return serve(port, ['serve', config], {});
}

async function serve(port: number, args: string[], env: Record<string, string>): Promise<Server> {
  let output = '';
  const child = await spawnGuarded({
    command: workerdProgram(),
    args,
    env: { PATH: process.env.PATH ?? '', ...env },
    onOutput: (chunk, stream) => {
      if (stream === 'stderr') output += chunk;
    },
  });
  const url = `http://127.0.0.1:${port}`;
  const limit = AbortSignal.timeout(START_LIMIT_MS);
  const ended = child.exited.then(() => false);
  if (!(await Promise.race([waitUntilHealthy(url, limit), ended]))) {
    await child.stop();
    throw new Error(`workerd did not come up:\n${output}`);
  }
  return {
    url,
    pid: child.pid,
    stop: async () => {
      await child.stop();
    },
  };
}

function floorConfig(port: number, objects: string, forwarded: Record<string, Forwarded>): string {
  const text = JSON.stringify;
  return `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "floor", worker = .floor),
    (name = "objects", disk = (path = ${text(objects)}, writable = true)),
    (name = "internet", network = (allow = ["private"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "floor")],
);

const floor :Workerd.Worker = (
  modules = [(name = "floor.js", esModule = embed "floor.js")],
  compatibilityDate = ${text(readCompatibility().date)},
  bindings = [
    (name = "FLOOR", durableObjectNamespace = "Floor"),
    (name = "FORWARDED", json = ${text(JSON.stringify(forwarded))}),
  ],
  durableObjectNamespaces = [(className = "Floor", uniqueKey = "floor", enableSql = true)],
  durableObjectStorage = (localDisk = "objects"),
);
`;
}
