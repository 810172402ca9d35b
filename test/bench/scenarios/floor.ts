import { HttpConnection, httpLoad } from '../http.ts';
import { closedLoop, inSequence, timed } from '../load.ts';
import { type FloorName, MANY, WINDOW } from '../plan.ts';
import { measurePushes } from '../push-latency.ts';
import { openSocket } from '../sockets.ts';
import type { Recorder, Samples } from '../statistics.ts';

/** As long as a batch of ten deltas. */
const BATCH_MESSAGE = 'x'.repeat(1_600);
/** As long as the longest batch. */
const LONG_MESSAGE = 'x'.repeat(16_000);
/** As long as one event. */
const EVENT_MESSAGE = 'x'.repeat(250);
const SOCKETS_OPENED = 20;
const MESSAGES = 150;
const HANDED_ON = 75;
const EVENTS = { 1: 75, 100: 15 };

/** Measures the bare platform: one round. */
export async function measureFloor(url: string, recorder: Recorder): Promise<void> {
  const round = crypto.randomUUID();
  const http = async (floor: FloorName, atOnce: number, count: number, path: (index: number) => string) =>
    recorder.add(floor, atOnce, await httpLoad(url, atOnce, count, (index) => ({ method: 'GET', path: path(index) })));

  await http('fetch', 1, 200, () => '/');
  await http('fetch', MANY, 1_000, () => '/');
  await http('call', 1, 200, () => '/nothing');
  await http('call', MANY, 750, () => '/nothing');
  await http('insert', 1, 150, () => '/insert');
  await http('insert', MANY, 500, () => '/insert');
  await http('new object', 1, 30, (index) => `/insert/${round}-one-${index}`);
  await http('new object', MANY, 100, (index) => `/insert/${round}-many-${index}`);

  const opened: number[] = [];
  for (let index = 0; index < SOCKETS_OPENED; index++) {
    const { value, ms } = await timed(async () => {
      const sender = await FloorSender.open(url, `${round}-socket-${index}`);
      await sender.send(EVENT_MESSAGE);
      return sender;
    });
    opened.push(ms);
    value.close();
  }
  recorder.add('socket opened', 1, inSequence(opened));

  recorder.add('handed on', 1, await handOn(url, round));

  const sender = await FloorSender.open(url, `${round}-messages`);
  for (const atOnce of [1, WINDOW]) {
    recorder.add('message', atOnce, await closedLoop(atOnce, MESSAGES, () => sender.send(BATCH_MESSAGE)));
  }
  recorder.add('long message', WINDOW, await closedLoop(WINDOW, MESSAGES, () => sender.send(LONG_MESSAGE)));
  sender.close();

  await pushToWatchers(url, `${round}-pushes-1`, 'pushed to 1', 1, recorder);
  await pushToWatchers(url, `${round}-pushes-100`, 'pushed to 100', 100, recorder);
}

/** The time from a request at one object until a socket of another object receives a message. */
export async function handOn(url: string, round: string): Promise<Samples> {
  let onMessage: () => void = () => undefined;
  const other = `${round}-other`;
  const socket = await openSocket(url, `/socket/${other}`, '', () => onMessage());
  const http = new HttpConnection(url);
  const samples = await closedLoop(1, HANDED_ON, async () => {
    const received = new Promise<void>((resolve) => (onMessage = resolve));
    await Promise.all([http.send({ method: 'GET', path: `/hand-on/${round}-first/${other}` }), received]);
  });
  http.close();
  socket.close();
  return samples;
}

async function pushToWatchers(
  url: string,
  object: string,
  floor: FloorName,
  watchers: 1 | 100,
  recorder: Recorder,
): Promise<void> {
  let onEvent: () => void = () => undefined;
  const path = `/socket/${object}?role=watch`;
  const open = await Promise.all(Array.from({ length: watchers }, () => openSocket(url, path, '', () => onEvent())));
  const sender = await FloorSender.open(url, object);
  const pushes = await measurePushes(watchers, EVENTS[watchers], (received) => {
    onEvent = received;
    return sender.send(EVENT_MESSAGE);
  });
  recorder.add(floor, 1, pushes);
  for (const line of [...open, sender]) line.close();
}

/** A socket whose messages are acknowledged in order. */
export class FloorSender {
  readonly #waiting: (() => void)[] = [];
  #line: { send(text: string): void; close(): void } | null = null;

  static async open(url: string, object: string): Promise<FloorSender> {
    const sender = new FloorSender();
    sender.#line = await openSocket(url, `/socket/${object}?role=send`, '', () => sender.#waiting.shift()?.());
    return sender;
  }

  send(message: string): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#line?.send(message);
    });
  }

  close(): void {
    this.#line?.close();
  }
}
