import { setTimeout as delay } from 'node:timers/promises';
import type { Event, GlobalEvent } from '@opencode-ai/sdk/v2/client';
import type { OpenCodeSignal } from '../work/opencode-port.ts';
import type { OpenCodeServer, ServerAddress } from './server.ts';

/** The server sends a heartbeat every 10 s. A stream that is silent for this long is dead, though not closed. */
const SILENCE_LIMIT_MS = 30_000;
const RECONNECT_PAUSE_MS = 200;

/**
 * The server's event stream over all directories. It reconnects whenever it breaks. OpenCode does not replay events:
 * after each `connected`, the listeners must read the missed changes from the conversations.
 */
export class EventStream {
  readonly #server: OpenCodeServer;
  readonly #listeners = new Set<(signal: OpenCodeSignal) => void>();
  readonly #closed = new AbortController();
  #connectedGeneration: number | null = null;

  constructor(server: OpenCodeServer) {
    this.#server = server;
    const onDown = () => {
      this.#connectedGeneration = null;
      this.#notify({ type: 'down' });
    };
    server.on('down', onDown);
    this.#closed.signal.addEventListener('abort', () => server.off('down', onDown), { once: true });
    void this.#run();
  }

  subscribe(listener: (signal: OpenCodeSignal) => void): () => void {
    this.#listeners.add(listener);
    if (this.#connectedGeneration !== null) listener({ type: 'connected', generation: this.#connectedGeneration });
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#closed.abort();
    this.#listeners.clear();
  }

  async #run(): Promise<void> {
    const { signal } = this.#closed;
    while (!signal.aborted) {
      try {
        await this.#read(await this.#server.ready(signal));
      } catch {
        // Every failure has the same remedy: reconnect and reconcile.
      }
      await delay(RECONNECT_PAUSE_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  async #read(address: ServerAddress): Promise<void> {
    const silence = new AbortController();
    const watchdog = setTimeout(() => silence.abort(), SILENCE_LIMIT_MS);
    try {
      const response = await fetch(`${address.url}/global/event`, {
        headers: { authorization: address.authorization, accept: 'text/event-stream' },
        signal: AbortSignal.any([silence.signal, this.#closed.signal]),
      });
      if (!response.ok || response.body === null) throw new Error(`event stream: HTTP ${response.status}`);
      for await (const data of serverSentData(response.body)) {
        watchdog.refresh();
        this.#dispatch(JSON.parse(data) as GlobalEvent, address.generation);
      }
    } finally {
      clearTimeout(watchdog);
    }
  }

  #dispatch({ payload }: GlobalEvent, generation: number): void {
    // Every durable event is sent a second time as `sync`.
    if (payload.type === 'sync') return;
    const event = payload as Event;
    if (event.type === 'server.connected') {
      this.#connectedGeneration = generation;
      this.#notify({ type: 'connected', generation });
    } else {
      this.#notify({ type: 'event', event });
    }
  }

  #notify(signal: OpenCodeSignal): void {
    for (const listener of [...this.#listeners]) listener(signal);
  }
}

/** The `data` of each server-sent event in a response body. */
export async function* serverSentData(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let buffered = '';
  for await (const text of body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>)) {
    const blocks = (buffered + text).split(/\r?\n\r?\n/);
    buffered = blocks.pop() ?? '';
    for (const block of blocks) {
      const lines = block.split(/\r?\n/).filter((line) => line.startsWith('data:'));
      if (lines.length > 0) yield lines.map((line) => line.slice(5).trimStart()).join('\n');
    }
  }
}
