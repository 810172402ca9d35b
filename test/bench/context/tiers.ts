import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Context } from '../../../src/protocol/context/context.ts';
import { HttpConnection, type HttpRequest } from '../http.ts';
import { inSequence, timed } from '../load.ts';
import { type ControlPlane, type Forwarded, type Server, startFloor } from '../servers.ts';
import { Recorder, type Summary } from '../statistics.ts';
import { retireOnDisk } from './retire-on-disk.ts';
import { type Stack, startStack } from './stack.ts';

/** What is compared with a floor of the same run. */
export interface TierRow {
  operation: string;
  floor: FloorName;
  measured: Summary;
  floor_measured: Summary;
}

export interface TiersReport {
  stores: string;
  rounds: number;
  rows: TierRow[];
}

/** The minimum for each kind of operation. */
export const FLOORS = {
  object: { path: '/nothing', what: 'a Worker calls an object that does nothing' },
  commit: { path: '/insert', what: 'a Worker calls an object that inserts one row' },
  Redis: { path: '/forward/redis', what: 'a Worker reads the same bytes from Redis, by the same endpoint' },
  Postgres: { path: '/forward/postgres', what: 'a Worker reads the same row from Postgres, by the same endpoint' },
  'Postgres, commit': { path: '/forward-and-insert/postgres', what: 'the same, and then a commit' },
} as const;
type FloorName = keyof typeof FLOORS;

const WORKSPACE = 'bench';
const ROUNDS = 6;
const READS = 150;
const WRITES = 60;
/** Of each round: some retired contexts are read, then some of them changed, and the others merged in pairs. */
const [RETIRED, CHANGED] = [36, 12];
const KEYS = 20;

/** Measures contexts on the control plane with its stores, and floors beside them. */
export async function measureTiers(): Promise<TiersReport> {
  await using parts = new AsyncDisposableStack();
  const directory = mkdtempSync(join(tmpdir(), 'oio-bench-contexts-'));
  parts.defer(() => rmSync(directory, { recursive: true, force: true }));
  for (const name of ['stores', 'floor', 'control-plane']) mkdirSync(join(directory, name));
  const stack = await startStack(directory);
  parts.defer(() => stack.stop());

  const { session, retired } = await prepare(stack, directory);
  const control = await stack.startControlPlane();
  parts.defer(() => control.stop());
  const client = await Client.of(control, session);
  const hot = await client.create('hot');
  await copied(stack, hot.id);
  const floor = await startFloor(join(directory, 'floor'), forwarded(stack, hot.id, retired[0]!.id));
  parts.defer(() => floor.stop());

  const measure = await Measure.beside(floor);
  for (let round = 0; round < ROUNDS; round++) {
    console.error(`round ${round + 1} of ${ROUNDS} …`);
    await measureHot(client, hot, measure, stack.redis !== null, round);
    await measureRetired(client, retired.slice(round * RETIRED, (round + 1) * RETIRED), measure);
  }
  measure.close();
  client.close();
  return { stores: stack.stores, rounds: ROUNDS, rows: measure.rows() };
}

/** Makes contexts, and retires them while the control plane is stopped. */
async function prepare(stack: Stack, directory: string): Promise<{ session: string; retired: Context[] }> {
  console.error('preparing retired contexts …');
  const control = await stack.startControlPlane();
  const client = await Client.of(control);
  const retired: Context[] = [];
  for (let index = 0; index < ROUNDS * RETIRED; index++) {
    const { id } = await client.create(`retired-${index}`);
    retired.push(await client.change(id, { changed: index }));
  }
  client.close();
  await control.stop();
  await retireOnDisk(directory, WORKSPACE, retired, stack.variables);
  return { session: client.session, retired };
}

/** Measures operations, each beside its floor: one call of the one, then one of the other. */
class Measure {
  readonly #http: HttpConnection;
  readonly #recorder = new Recorder();
  readonly #floors = new Map<string, FloorName>();

  private constructor(http: HttpConnection) {
    this.#http = http;
  }

  static async beside(floor: Server): Promise<Measure> {
    return new Measure(await new HttpConnection(floor.url).open());
  }

  /** @param prepare what comes before each call, and is not measured */
  async run<Item>(
    operation: string,
    floor: FloorName,
    items: Iterable<Item>,
    act: (item: Item) => Promise<unknown>,
    prepare: (item: Item) => Promise<unknown> = async () => undefined,
  ): Promise<void> {
    const [floors, times]: [number[], number[]] = [[], []];
    for (const item of items) {
      await prepare(item);
      floors.push((await timed(() => this.#http.send({ method: 'GET', path: FLOORS[floor].path }))).ms);
      times.push((await timed(() => act(item))).ms);
    }
    this.#floors.set(operation, floor);
    this.#recorder.add(operation, 1, inSequence(times));
    this.#recorder.add(`floor of ${operation}`, 1, inSequence(floors));
  }

  rows(): TierRow[] {
    return [...this.#floors].map(([operation, floor]) => ({
      ...{ operation, floor },
      measured: this.#recorder.summary(operation, 1),
      floor_measured: this.#recorder.summary(`floor of ${operation}`, 1),
    }));
  }

  close(): void {
    this.#http.close();
  }
}

async function measureHot(client: Client, hot: Context, measure: Measure, hasRedis: boolean, round: number) {
  const read = (query: string) => client.send({ method: 'GET', path: `/api/v1/contexts/${hot.id}${query}` });
  const [reads, writes] = [Array(READS).keys(), Array(WRITES).keys()];
  await measure.run('get, from its home', 'object', reads, () => read(''));
  if (hasRedis)
    await measure.run('get, from its copy', 'Redis', Array(READS).keys(), () => read(`?min_version=${hot.version}`));

  let { id, version } = await client.create(`changed-${round}`);
  await measure.run('compare-and-set', 'commit', writes, async (index) => {
    ({ version } = await client.change(id, { changed: index }, version));
  });
  const [source, target] = [await client.create(`source-${round}`), await client.create(`target-${round}`)];
  const merge = () => client.merge(source.id, target.id);
  const change = (index: number) => client.change(source.id, { merged: index });
  await measure.run('merge', 'commit', Array(WRITES).keys(), merge, change);
}

async function measureRetired(client: Client, contexts: readonly Context[], measure: Measure): Promise<void> {
  const read = ({ id }: Context) => client.send({ method: 'GET', path: `/api/v1/contexts/${id}` });
  await measure.run('get, retired, its object asleep', 'Postgres', contexts, read);
  await measure.run('get, retired', 'Postgres', contexts, read);
  const [changed, merged] = [contexts.slice(0, CHANGED), contexts.slice(CHANGED)];
  await measure.run('compare-and-set, retired', 'Postgres, commit', changed, ({ id, version }) =>
    client.change(id, { changed: -1 }, version),
  );
  const pairs = merged.flatMap((source, index) => (index % 2 === 0 ? [{ source, target: merged[index + 1]! }] : []));
  await measure.run('merge, both retired', 'Postgres, commit', pairs, ({ source, target }) =>
    client.merge(source.id, target.id),
  );
}

/** What the floor's Worker sends on: the requests that the control plane sends for a copy and for a retired context. */
function forwarded({ variables }: Stack, copied: string, retired: string): Record<string, Forwarded> {
  const { DATABASE_URL, NEON_FETCH_ENDPOINT, UPSTASH_REDIS_REST_URL, UPSTASH_REDIS_REST_TOKEN } = variables;
  const query = 'SELECT version, updated_at, updated_by, data FROM contexts WHERE workspace = $1 AND id = $2';
  return {
    postgres: {
      ...{ url: NEON_FETCH_ENDPOINT!, method: 'POST' },
      headers: { 'Neon-Connection-String': DATABASE_URL!, 'Neon-Raw-Text-Output': 'true', 'Neon-Array-Mode': 'true' },
      body: JSON.stringify({ query, params: [WORKSPACE, retired] }),
    },
    ...(UPSTASH_REDIS_REST_URL && {
      redis: {
        ...{ url: UPSTASH_REDIS_REST_URL, method: 'POST' },
        headers: { authorization: `Bearer ${UPSTASH_REDIS_REST_TOKEN}`, 'content-type': 'application/json' },
        body: JSON.stringify(['HMGET', `oio:context:${WORKSPACE}/${copied}`, 'order', 'text']),
      },
    }),
  };
}

/** Resolves when Redis has the copy. */
async function copied({ redis }: Stack, id: string): Promise<void> {
  while (redis && (await redis.command('HGET', `oio:context:${WORKSPACE}/${id}`, 'order')) === null);
}

/** Contexts of one session, over one connection. */
class Client {
  readonly session: string;
  readonly #http: HttpConnection;
  readonly #token: string;

  private constructor(http: HttpConnection, token: string, session: string) {
    this.#http = http;
    this.#token = token;
    this.session = session;
  }

  /** @param session by default, a new one */
  static async of(control: ControlPlane, session?: string): Promise<Client> {
    const token = await control.token(WORKSPACE, 'operator');
    const http = await new HttpConnection(control.url).open();
    const body = { title: 'Bench', initial_prompt: 'Do' };
    const made =
      session ?? (await http.json<{ id: string }>({ method: 'POST', path: '/api/v1/sessions', token, body })).id;
    return new Client(http, token, made);
  }

  send(request: HttpRequest): Promise<string> {
    return this.#http.send({ ...request, token: this.#token });
  }

  async create(name: string): Promise<Context> {
    const data = Object.fromEntries(Array.from({ length: KEYS }, (_, index) => [`key-${index}`, 'x'.repeat(50)]));
    const body = { scope: 'session', session_id: this.session, name, data };
    return this.#json({ method: 'POST', path: '/api/v1/contexts', body });
  }

  change(id: string, updates: object, expected_version?: number): Promise<Context> {
    return this.#json({ method: 'PATCH', path: `/api/v1/contexts/${id}`, body: { updates, expected_version } });
  }

  merge(source: string, target: string): Promise<Context> {
    const body = { context_ids: [source, target], strategy: 'prefer_source' };
    return this.#json({ method: 'POST', path: '/api/v1/contexts/merge', body });
  }

  close(): void {
    this.#http.close();
  }

  async #json<T>(request: HttpRequest): Promise<T> {
    return JSON.parse(await this.send(request)) as T;
  }
}
