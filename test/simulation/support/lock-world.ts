import type { Acquired } from '../../../src/ports/locks.ts';
import type { Outcome } from '../../../src/protocol/common/errors.ts';
import type { HeldLock } from '../../../src/protocol/lock/lock.ts';
import type { FakeClient } from '../../support/fake-socket.ts';
import { NodePlatform } from '../../support/node-platform.ts';
import { RegistryInProcess } from '../../support/registry-in-process.ts';
import { callFrom } from '../../unit/ports/agent-registry.fixture.ts';

const LOCK = 'deploy';

/** How long a message and its answer are under way, and whether the network delivers the message twice. Times in ms. */
export interface Delays {
  there: number;
  back: number;
  twice: number | null;
}

/** A grant as its client knows it. Clients measure time with a clock that does not step. */
interface Belief {
  token: number;
  ttlMs: number;
  until: number;
}

interface Client {
  name: string;
  /** How often it has begun to acquire. Each time it is a new owner, as with `withLock`. */
  attempts: number;
  held: Belief | null;
  link: FakeClient | null;
}

/**
 * Clients that compete for one lock of a real registry, over a network with delays. The world has the true time; the
 * clock of the registry differs from it by its steps.
 */
export class LockWorld {
  readonly platform = new NodePlatform();
  registry = new RegistryInProcess({ platform: this.platform });
  readonly clients: Client[];
  /** The true time in ms. */
  now = 0;
  /** The fencing tokens of all grants, in their order, each once. */
  readonly granted: number[] = [];
  /** The fencing tokens of the writes that the protected resource has accepted, in their order. */
  readonly written: number[] = [];
  /** What should never happen. */
  readonly faults: string[] = [];
  readonly #owners = new Map<number, string>();
  readonly #epoch = this.platform.clock;
  #offset = 0;
  #messages: { at: number; deliver: () => void }[] = [];

  constructor(names: readonly string[]) {
    this.clients = names.map((name) => ({ name, attempts: 0, held: null, link: null }));
  }

  /** Lets time pass. Messages arrive and the registry's alarm fires at their times. */
  pass(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      const next = this.#messages.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      const { alarm } = this.platform;
      const alarmAt = alarm === null ? Number.POSITIVE_INFINITY : alarm - this.#epoch - this.#offset;
      if (alarmAt <= Math.min(next?.at ?? end, end)) {
        this.#setTime(Math.max(this.now, alarmAt));
        this.platform.fireAlarm(() => this.registry.runtime.alarm());
      } else if (next) {
        this.#setTime(next.at);
        this.#messages = this.#messages.filter((message) => message !== next);
        next.deliver();
      } else break;
      this.#look();
    }
    this.#setTime(end);
    this.#look();
  }

  /** Moves the registry's clock. */
  step(ms: number): void {
    this.#offset += ms;
    this.#setTime(this.now);
  }

  evict(): void {
    this.registry = new RegistryInProcess({ platform: this.platform });
  }

  acquire(client: Client, ttlSeconds: number, waitSeconds: number, delays: Delays): void {
    if (client.held) return;
    client.attempts++;
    this.#ask(client, ttlSeconds, waitSeconds, delays);
  }

  renew(client: Client, delays: Delays): void {
    const { held } = client;
    if (!held) return;
    const sentAt = this.now;
    const renew = () => {
      const renewed = this.registry.runtime.locks.renewLock(CALL, LOCK, { fencing_token: held.token });
      if (renewed.ok && held.token !== this.granted.at(-1)) this.faults.push(`renewed the stale token ${held.token}`);
      return renewed;
    };
    this.#send(delays, renew, (renewed) => {
      if (client.held !== held) return;
      if (renewed.ok) held.until = Math.max(held.until, sentAt + held.ttlMs);
      else client.held = null;
    });
  }

  release(client: Client, delays: Delays): void {
    const { held } = client;
    if (!held) return;
    client.held = null;
    this.#send(delays, () => this.registry.runtime.locks.releaseLock(CALL, LOCK, { fencing_token: held.token }));
  }

  /** The client's process dies, and forgets all. What it has sent still arrives. */
  die(client: Client): void {
    client.attempts++;
    client.held = null;
    client.link?.vanish();
    client.link = null;
  }

  /** The client writes to a resource that refuses a fencing token below the highest that it has seen. */
  write(client: Client, delayMs: number): void {
    const { held } = client;
    if (!held) return;
    this.#after(delayMs, () => {
      if (held.token >= (this.written.at(-1) ?? 0)) this.written.push(held.token);
    });
  }

  /** The clients that believe that they hold the lock. */
  holders(): Client[] {
    return this.clients.filter(({ held }) => held !== null);
  }

  #ask(client: Client, ttlSeconds: number, waitSeconds: number, delays: Delays): void {
    const sentAt = this.now;
    const { attempts } = client;
    const request = { owner: `${client.name}#${attempts}`, ttl_seconds: ttlSeconds, wait_seconds: waitSeconds };
    const ask = () => {
      const acquired = this.registry.runtime.locks.acquireLock(CALL, LOCK, request);
      if (acquired.ok && acquired.value.state === 'held') this.#note(acquired.value.lock);
      return acquired;
    };
    this.#send(delays, ask, (acquired) => {
      if (client.attempts !== attempts || !acquired.ok) return;
      this.#take(client, acquired, { ttlMs: ttlSeconds * 1_000, sentAt }, () =>
        this.#ask(client, ttlSeconds, waitSeconds, delays),
      );
    });
  }

  #take(
    client: Client,
    acquired: Outcome<Acquired> & { ok: true },
    { ttlMs, sentAt }: { ttlMs: number; sentAt: number },
    askAgain: () => void,
  ): void {
    const { value } = acquired;
    if (value.state === 'held') {
      client.held = { token: value.lock.fencing_token, ttlMs, until: sentAt + ttlMs };
      client.link?.close();
      client.link = null;
    } else if (!client.link) {
      const link = this.registry.waitForTurn(value.wait);
      client.link = link;
      const { attempts } = client;
      const look = () => {
        if (client.link !== link || client.attempts !== attempts) return;
        if (link.received.length === 0) return this.#after(100, look);
        client.link = null;
        link.close();
        askAgain();
      };
      look();
    }
  }

  /** Records a grant, in the order in which the registry has made them. */
  #note({ fencing_token, owner }: HeldLock): void {
    const known = this.#owners.get(fencing_token);
    if (known === undefined) this.granted.push(fencing_token);
    else if (known !== owner) this.faults.push(`the token ${fencing_token} of ${known} and ${owner}`);
    this.#owners.set(fencing_token, owner);
  }

  #send<T>({ there, back, twice }: Delays, call: () => T, receive: (answer: T) => void = () => {}): void {
    this.#after(there, () => {
      const answer = call();
      this.#after(back, () => receive(answer));
    });
    if (twice !== null) this.#after(there + twice, () => void call());
  }

  #after(ms: number, deliver: () => void): void {
    this.#messages.push({ at: this.now + ms, deliver });
  }

  #setTime(now: number): void {
    this.now = now;
    this.platform.clock = this.#epoch + now + this.#offset;
  }

  /** Clients give up what they can no longer be sure of, as `withLock` does. */
  #look(): void {
    for (const client of this.clients) {
      if (client.held && client.held.until <= this.now) client.held = null;
    }
    const held = this.holders();
    if (held.length > 1) this.faults.push(`two holders: ${held.map(({ name }) => name).join(', ')}`);
  }
}

const CALL = callFrom('default');
