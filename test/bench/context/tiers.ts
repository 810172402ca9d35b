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

/** The minimum for each kind of operation. Those with a commit take the body of the request. */
export const FLOORS = {
  object: { path: '/read/context', what: 'a Worker reads the same bytes from a row of an object' },
  commit: { path: '/exchange/context', what: 'an object inserts the body as one row, and answers with the same bytes' },
  Redis: { path: '/forward/redis', what: 'a Worker reads the same bytes from Redis, by the same endpoint' },
  'object, Postgres': {
    path: '/read-and-forward',
    what: 'a Worker reads a row of an object, which is asleep if the home is, and then the same row from Postgres',
  },
  'Postgres, commit': {
    path: '/forward-and-insert/postgres',
    what: 'a Worker reads the same row from Postgres, and then an object inserts the body as one row',
  },
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
  const floor = await startAsleep(join(directory, 'floor'), forwarded(stack, hot.id, retired[0]!.id), hot);
  parts.defer(() => floor.stop());

  const measure = await Measure.of(client, floor);
  for (let round = 0; round < ROUNDS; round++) {
    console.error(`round ${round + 1} of ${ROUNDS} …`);
    await measureHot(client, hot, measure, stack.redis !== null, round);
    await measureRetired(client, retired, measure, round);
  }
  measure.close();
  client.close();
  return { stores: stack.stores, rounds: ROUNDS, rows: measure.rows() };
}

/** Starts the floor with an object that has the bytes of a context, and others that are not in memory. */
async function startAsleep(directory: string, forwarded: Record<string, Forwarded>, context: Context): Promise<Server> {
  const before = await startFloor(directory, forwarded);
  const http = new HttpConnection(before.url);
  const names = Array.from({ length: ROUNDS * RETIRED }, (_, index) => asleep(index));
  for (const name of ['context', ...names]) await http.send({ method: 'POST', path: `/insert/${name}`, body: context });
  http.close();
  await before.stop();
  return startFloor(directory, forwarded);
}

function asleep(index: number): string {
  return `asleep-${index}`;
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

interface Operation<Item> {
  name: string;
  floor: FloorName;
  items: Iterable<Item>;
  request(item: Item): HttpRequest;
  /** What the path of the floor ends with. */
  floorOf?(item: Item): string;
  /** What comes before each call, and is not measured. */
  prepare?(item: Item): Promise<unknown>;
  answered?(context: Context): void;
}

/** Measures operations, each beside its floor: one call of the one, then one of the other, with the same body. */
class Measure {
  readonly #client: Client;
  readonly #floor: HttpConnection;
  readonly #recorder = new Recorder();
  readonly #floors = new Map<string, FloorName>();

  private constructor(client: Client, floor: HttpConnection) {
    this.#client = client;
    this.#floor = floor;
  }

  static async of(client: Client, floor: Server): Promise<Measure> {
    return new Measure(client, await new HttpConnection(floor.url).open());
  }

  async run<Item>({ name, floor, items, ...operation }: Operation<Item>): Promise<void> {
    const [floors, times]: [number[], number[]] = [[], []];
    for (const item of items) {
      await operation.prepare?.(item);
      const request = operation.request(item);
      const path = FLOORS[floor].path + (operation.floorOf?.(item) ?? '');
      const method = request.method === 'GET' ? 'GET' : 'POST';
      floors.push((await timed(() => this.#floor.send({ method, path, body: request.body }))).ms);
      const { ms, value } = await timed(() => this.#client.send(request));
      times.push(ms);
      operation.answered?.(JSON.parse(value) as Context);
    }
    this.#floors.set(name, floor);
    this.#recorder.add(name, 1, inSequence(times));
    this.#recorder.add(`floor of ${name}`, 1, inSequence(floors));
  }

  rows(): TierRow[] {
    return [...this.#floors].map(([operation, floor]) => ({
      ...{ operation, floor },
      measured: this.#recorder.summary(operation, 1),
      floor_measured: this.#recorder.summary(`floor of ${operation}`, 1),
    }));
  }

  close(): void {
    this.#floor.close();
  }
}

async function measureHot(client: Client, hot: Context, measure: Measure, hasRedis: boolean, round: number) {
  const items = () => Array(READS).keys();
  const read = (query: string) => () => client.reading(hot.id, query);
  await measure.run({ name: 'get, from its home', floor: 'object', items: items(), request: read('') });
  if (hasRedis) {
    const request = read(`?min_version=${hot.version}`);
    await measure.run({ name: 'get, from its copy', floor: 'Redis', items: items(), request });
  }

  let { id, version } = await client.create(`changed-${round}`);
  await measure.run({
    ...{ name: 'compare-and-set', floor: 'commit', items: Array(WRITES).keys() },
    request: (index) => client.changing(id, { changed: index }, version),
    answered: (changed) => {
      version = changed.version;
    },
  });
  const [source, target] = [await client.create(`source-${round}`), await client.create(`target-${round}`)];
  await measure.run({
    ...{ name: 'merge', floor: 'commit', items: Array(WRITES).keys() },
    prepare: (index) => client.change(source.id, { merged: index }),
    request: () => client.merging(source.id, target.id),
  });
}

async function measureRetired(client: Client, all: readonly Context[], measure: Measure, round: number): Promise<void> {
  const first = round * RETIRED;
  const contexts = all.slice(first, first + RETIRED);
  const read = ({ id }: Context) => client.reading(id);
  const reads = { floor: 'object, Postgres', items: contexts, request: read } as const;
  const objectOf = (context: Context) => asleep(first + contexts.indexOf(context));
  const floorOf = (context: Context) => `/${objectOf(context)}/postgres`;
  await measure.run({ ...reads, name: 'get, retired, its object asleep', floorOf });
  await measure.run({ ...reads, name: 'get, retired', floorOf });
  const [changed, merged] = [contexts.slice(0, CHANGED), contexts.slice(CHANGED)];
  await measure.run({
    ...{ name: 'compare-and-set, retired', floor: 'Postgres, commit', items: changed },
    request: ({ id, version }) => client.changing(id, { changed: -1 }, version),
  });
  const pairs = merged.flatMap((source, index) => (index % 2 === 0 ? [{ source, target: merged[index + 1]! }] : []));
  await measure.run({
    ...{ name: 'merge, both retired', floor: 'Postgres, commit', items: pairs },
    request: ({ source, target }) => client.merging(source.id, target.id),
  });
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

  change(id: string, updates: object): Promise<Context> {
    return this.#json(this.changing(id, updates));
  }

  reading(id: string, query = ''): HttpRequest {
    return { method: 'GET', path: `/api/v1/contexts/${id}${query}` };
  }

  changing(id: string, updates: object, expected_version?: number): HttpRequest {
    return { method: 'PATCH', path: `/api/v1/contexts/${id}`, body: { updates, expected_version } };
  }

  merging(source: string, target: string): HttpRequest {
    const body = { context_ids: [source, target], strategy: 'prefer_source' };
    return { method: 'POST', path: '/api/v1/contexts/merge', body };
  }

  close(): void {
    this.#http.close();
  }

  async #json<T>(request: HttpRequest): Promise<T> {
    return JSON.parse(await this.send(request)) as T;
  }
}
