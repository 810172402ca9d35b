import { isDeepStrictEqual } from 'node:util';
import { callHome } from '../../../durable-objects/context/home.ts';
import { type ContextPorts, NO_PORTS } from '../../../durable-objects/context/ports.ts';
import { buildContext, type ContextRuntime } from '../../../durable-objects/context/runtime.ts';
import type { ObjectPlatform } from '../../../durable-objects/kit/platform/platform.ts';
import { readContext } from '../../../src/application/context/read-context.ts';
import { applyEdits, type Edit } from '../../../src/domain/context/edits.ts';
import type { JsonObject } from '../../../src/domain/context/json.ts';
import type { ContextApi, NewContext } from '../../../src/ports/contexts.ts';
import type { Outcome } from '../../../src/protocol/common/errors.ts';
import type { Context } from '../../../src/protocol/context/context.ts';
import { MemoryContextArchive } from '../../support/memory-context-archive.ts';
import { MemoryContextCopies } from '../../support/memory-context-copies.ts';
import { NodePlatform } from '../../support/node-platform.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { callIn } from '../../unit/ports/workspace.contract.ts';
import { UnreliableLine } from './unreliable-line.ts';

/** What always holds between the homes, the copies, Postgres and the clients. */
export const LAWS = {
  no_lost_update: 'the value has the last acknowledged change of each writer',
  no_gap: 'each change makes the next version, and no version is made twice',
  one_value: 'a version has one value, wherever it is read',
  not_older: 'a read is never older than what its reader has seen acknowledged',
  stored: 'the data leaves the home only when Postgres has this version with its history',
  replay: 'replaying the history gives the value',
  available: 'when all is well, the context can be read',
  lists: 'when all is well, the list shows the newest version',
} as const;
export type Law = keyof typeof LAWS;

const ID = '3f0e1f5e-8a52-8c3d-9d0b-0d6f3a1b2c3d';
const SESSION = '0198c2f0-1a2b-8c3d-9e4f-5a6b00000000';
const CALL = callIn('default');
const DAY_MS = 86_400_000;

/** A process of the home. When it has ended, what still runs of it cannot do anything. */
interface Process {
  runtime: ContextRuntime;
  end(): void;
}

interface Client {
  name: string;
  /** The newest version that it has seen acknowledged. */
  seen: number;
  /** The number of its last change, and of the last that was acknowledged. */
  sent: number;
  acknowledged: number;
  isWriting: boolean;
}

/** A context with its home, Redis, Postgres and some clients, in which everything but the home's rows can fail. */
export class ContextWorld {
  readonly random: () => number;
  readonly archive: MemoryContextArchive;
  readonly copies: MemoryContextCopies;
  readonly postgres: UnreliableLine;
  readonly redis: UnreliableLine;
  readonly counts = { writes: 0, retired: 0, unavailable: 0 };
  readonly #seed: number;
  readonly #platform: NodePlatform;
  readonly #clients: Client[];
  readonly #values = new Map<number, unknown>();
  readonly #context: NewContext;
  #process: Process;
  #ended: number | null = null;
  #step = 0;
  /** The first law that did not hold. */
  #violation: Error | null = null;

  constructor(seed: number, { archive = new MemoryContextArchive(), copies = new MemoryContextCopies() } = {}) {
    this.#seed = seed;
    this.random = seededRandom(seed);
    this.archive = archive;
    this.copies = copies;
    const meanwhile = () => this.#meanwhile();
    this.postgres = new UnreliableLine(this.random, meanwhile);
    this.redis = new UnreliableLine(this.random, meanwhile);
    this.#platform = new NodePlatform({ seed });
    this.#platform.logger = () => undefined;
    this.#process = this.#start();
    this.#clients = ['a', 'b', 'c'].map((name) => ({ name, seen: 0, sent: 0, acknowledged: 0, isWriting: false }));
    const ofSession = seed % 2 === 0;
    const owner = ofSession ? { scope: 'session', session_id: SESSION } : { scope: 'agent', session_id: null };
    this.#context = { id: ID, name: 'main', agent_id: null, ...owner } as NewContext;
  }

  async run(steps: number): Promise<void> {
    for (this.#step = 0; this.#step < steps; this.#step++) {
      await this.#act();
      this.#checkStored();
      if (this.#violation) throw this.#violation;
    }
    await this.#checkEnd();
    if (this.#violation) throw this.#violation;
  }

  #below(count: number): number {
    return Math.floor(this.random() * count);
  }

  #client(): Client {
    return this.#clients[this.#below(this.#clients.length)]!;
  }

  async #act(): Promise<void> {
    switch (this.#below(16)) {
      case 0:
        return this.#crash();
      case 1:
        return this.postgres.change();
      case 2:
        return this.redis.change();
      case 3:
        return this.copies.copies.clear();
      case 4:
        await this.postgres.deliverLate();
        return this.redis.deliverLate();
      case 5:
        this.#ended = this.#ended === null ? this.#platform.clock : null;
        return;
      case 6:
        return this.#platform.failAt(1 + this.#below(12));
      case 7:
        return this.#pass(8 * DAY_MS);
      case 8:
      case 9:
        return this.#pass(this.#below(20_000));
      case 10:
      case 11:
      case 12:
        return this.#write(this.#client());
      default:
        return this.#read(this.#client());
    }
  }

  /** What happens while a message is on its way. */
  async #meanwhile(): Promise<void> {
    if (this.#below(4) === 0) return this.#crash();
    await (this.#below(2) === 0 ? this.#write(this.#client()) : this.#read(this.#client()));
  }

  #crash(): void {
    this.#process.end();
    this.#platform.evict();
    // A fault while it wakes would only be another crash.
    this.#platform.failAt(Number.POSITIVE_INFINITY);
    this.#process = this.#start();
  }

  async #pass(ms: number): Promise<void> {
    await this.#platform.settle();
    await this.#platform.advance(ms, () => this.#process.runtime.alarm());
  }

  #start(): Process {
    let isAlive = true;
    const platform = new Proxy<ObjectPlatform>(this.#platform, {
      get: (target, name) => {
        if (!isAlive && (name === 'logger' || name === 'background')) return () => undefined;
        if (!isAlive) throw new Error('this process has ended');
        const value = Reflect.get(target, name);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const ports: ContextPorts = {
      ...NO_PORTS,
      archive: this.postgres.to(this.archive),
      copies: this.redis.to(this.copies),
      sessionEnd: async () => this.#ended,
    };
    const runtime = buildContext('default', platform, ports);
    const end = () => {
      isAlive = false;
    };
    return { runtime, end };
  }

  /** The home as the Worker reaches it. */
  #home(): ContextApi {
    const { runtime } = this.#process;
    const get =
      (_: unknown, method: keyof ContextApi) =>
      (...args: never) =>
        callHome(runtime, method, args);
    return new Proxy({}, { get }) as ContextApi;
  }

  /** A client waits for the answer to a change before it sends the next one, so that the order of its changes is known. */
  async #write(client: Client): Promise<void> {
    if (client.isWriting) return;
    client.isWriting = true;
    await this.#writeNext(client).finally(() => {
      client.isWriting = false;
    });
  }

  async #writeNext(client: Client): Promise<void> {
    const home = this.#home();
    const number = ++client.sent;
    const expected_version = this.#below(3) === 0 && client.seen > 0 ? client.seen : undefined;
    const request = { updates: { [client.name]: number }, expected_version };
    const before = client.seen;
    const written = await answerOf(() => home.update(CALL, request, this.#context));
    if (!written?.ok) return this.#refused(written);
    this.counts.writes++;
    const { version } = written.value;
    if (version <= before) this.#violated('no_gap', `a change makes version ${version} after ${before}`);
    client.acknowledged = Math.max(client.acknowledged, number);
    this.#saw(client, written.value);
  }

  async #read(client: Client): Promise<void> {
    const min_version = client.seen > 0 && this.#below(4) > 0 ? client.seen : undefined;
    const { seen } = client;
    const copies = this.redis.to(this.copies);
    const deps = { contexts: { at: () => this.#home() }, contextCopies: copies, logger: () => undefined };
    const read = await answerOf(() => readContext(deps, CALL, ID, { min_version }));
    if (!read?.ok) return this.#refused(read);
    if (read.value.version < seen) this.#violated('not_older', `version ${read.value.version} after ${seen}`);
    this.#saw(client, read.value);
  }

  #refused(refusal: Outcome<unknown> | null): void {
    if (refusal?.ok === false && refusal.failure.code === 'unavailable') this.counts.unavailable++;
  }

  #saw(client: Client, { version, data }: Context): void {
    client.seen = Math.max(client.seen, version);
    const known = this.#values.get(version) ?? data;
    if (!isDeepStrictEqual(known, data))
      this.#violated('one_value', `version ${version}: ${JSON.stringify([known, data])}`);
    this.#values.set(version, data);
  }

  #checkStored(): void {
    const { context = [] } = this.#platform.dump() as { context?: { retired_version: number | null }[] };
    const retired = context[0]?.retired_version ?? null;
    if (retired === null) return;
    this.counts.retired++;
    const row = this.archive.rows.get(`default/${ID}`);
    if (row?.version !== retired || row.history === null)
      this.#violated('stored', `version ${retired} retired, and Postgres has ${JSON.stringify(row ?? null)}`);
  }

  async #checkEnd(): Promise<void> {
    this.#platform.failAt(Number.POSITIVE_INFINITY);
    for (const line of [this.postgres, this.redis]) {
      await line.deliverLate();
      line.heal();
    }
    // Longer than the longest pause of the outbox, and shorter than any context is idle.
    await this.#pass(3 * 3_600_000);
    const [first] = this.#clients;
    const end = await answerOf(() => this.#home().read(CALL));
    if (first!.sent === 0 || this.#clients.every(({ acknowledged }) => acknowledged === 0)) return;
    if (!end?.ok) return this.#violated('available', JSON.stringify(end));
    this.#saw(first!, end.value);
    this.#checkValue(end.value);
    await this.#checkHistory(end.value);
    await this.#pass(3_600_000);
    const listed = await this.archive.list('default', {}, null, 2);
    if (listed.length !== 1 || listed[0]!.version !== end.value.version)
      this.#violated('lists', `${JSON.stringify(listed)} instead of version ${end.value.version}`);
  }

  #checkValue({ data, version }: Context): void {
    for (const { name, sent, acknowledged, seen } of this.#clients) {
      const value = (data[name] as number | undefined) ?? 0;
      if (value < acknowledged || value > sent)
        this.#violated('no_lost_update', `${name} has ${value}, and its last change is ${acknowledged}`);
      if (version < seen) this.#violated('not_older', `the newest version is ${version}, and ${name} has seen ${seen}`);
    }
  }

  async #checkHistory({ version, data }: Context): Promise<void> {
    const home = this.#home();
    const history = await answerOf(() => home.history(CALL));
    if (!history?.ok) return this.#violated('available', JSON.stringify(history));
    const { items, base_version } = history.value;
    // The page has the newest changes.
    for (const [index, item] of items.entries())
      if (item.version !== version - index)
        this.#violated('no_gap', `${item.version} is at the place of ${version - index}`);
    const from = items.length > 0 ? items.at(-1)!.version - 1 : version;
    if (from < base_version) this.#violated('no_gap', `the base is ${base_version}, and a change makes ${from + 1}`);
    const base = await answerOf(() => home.read(CALL, from));
    if (!base?.ok) return this.#violated('replay', `version ${from} cannot be read`);
    const edits = items.toReversed().flatMap((item) => item.edits as Edit[]);
    const replayed = applyEdits(base.value.data as JsonObject, edits);
    if (!isDeepStrictEqual(replayed, data)) this.#violated('replay', JSON.stringify([replayed, data]));
  }

  #violated(law: Law, details: string): never {
    // Kept, because it may be thrown in a call that catches it.
    this.#violation ??= new Error(`seed ${this.#seed}, step ${this.#step}: ${LAWS[law]} (${law}): ${details}`);
    throw this.#violation;
  }
}

/** The answer of a call; null if it was lost, with its process or by a fault of the storage. */
async function answerOf<T>(call: () => Promise<Outcome<T>>): Promise<Outcome<T> | null> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('seed ')) throw error;
    return null;
  }
}
