/** The minimum that the platform does for each kind of operation. */
export const FLOORS = {
  fetch: 'a Worker answers `ok`',
  call: 'a Worker calls an object that does nothing',
  insert: 'a Worker calls an object that inserts one row',
  'new object': 'a Worker calls a new object, which creates a table and inserts one row',
  'socket opened': 'a socket to a new object is opened; its first message is inserted and acknowledged',
  'handed on':
    'a Worker calls an object that inserts one row and calls another, which inserts one and sends to a socket',
  message: 'a message of 1.6 kB on an open socket is inserted as one row and acknowledged',
  'long message': 'the same with a message of 16 kB',
  'pushed to 1': 'a message on a socket is inserted as one row and sent to 1 watcher',
  'pushed to 100': 'a message on a socket is inserted as one row and sent to 100 watchers',
} as const;
export type FloorName = keyof typeof FLOORS;

/** One row of the report: an operation of the control plane, and its floor. */
export interface Row {
  operation: string;
  /** The number of operations in flight at a time. */
  at_once: number;
  floor: FloorName;
}

/** The concurrency of the loads with many requests at a time. */
export const MANY = 16;
/** Batches that an agent has in flight: the window of the real agent. */
export const WINDOW = 4;
export const BATCH = 10;
export const BATCHES_PER_JOB = 10;
/** The size of an agent’s batches when its work is faster than its connection. */
export const LONG_BATCH = 100;
export const LISTED_SESSIONS = 1_000;

export const OPERATIONS = {
  health: 'GET /health',
  read: 'GET /api/v1/sessions/{id}',
  list: `GET /api/v1/sessions, of ${LISTED_SESSIONS.toLocaleString('en')}`,
  create: 'POST /api/v1/sessions',
  start: 'POST …/start',
  offer: 'start → offer received',
  lease: 'offer → lease granted',
  batch: `batch of ${BATCH} deltas → acknowledged`,
  long_batch: `batch of ${LONG_BATCH} deltas → acknowledged`,
  result: 'result → final',
  job: `start → final, ${BATCH * BATCHES_PER_JOB} deltas between`,
  watch_1: 'event → 1 watcher',
  watch_100: 'event → each of 100 watchers',
} as const;

export const ROWS: readonly Row[] = [
  { operation: OPERATIONS.health, at_once: 1, floor: 'fetch' },
  { operation: OPERATIONS.health, at_once: MANY, floor: 'fetch' },
  { operation: OPERATIONS.read, at_once: 1, floor: 'call' },
  { operation: OPERATIONS.read, at_once: MANY, floor: 'call' },
  { operation: OPERATIONS.list, at_once: 1, floor: 'call' },
  { operation: OPERATIONS.list, at_once: MANY, floor: 'call' },
  { operation: OPERATIONS.create, at_once: 1, floor: 'new object' },
  { operation: OPERATIONS.create, at_once: MANY, floor: 'new object' },
  { operation: OPERATIONS.start, at_once: 1, floor: 'insert' },
  { operation: OPERATIONS.offer, at_once: 1, floor: 'insert' },
  { operation: OPERATIONS.offer, at_once: 1, floor: 'handed on' },
  { operation: OPERATIONS.lease, at_once: 1, floor: 'socket opened' },
  { operation: OPERATIONS.batch, at_once: 1, floor: 'message' },
  { operation: OPERATIONS.batch, at_once: WINDOW, floor: 'message' },
  { operation: OPERATIONS.long_batch, at_once: WINDOW, floor: 'long message' },
  { operation: OPERATIONS.result, at_once: 1, floor: 'message' },
  { operation: OPERATIONS.job, at_once: 1, floor: 'insert' },
  { operation: OPERATIONS.job, at_once: MANY, floor: 'insert' },
  { operation: OPERATIONS.watch_1, at_once: 1, floor: 'pushed to 1' },
  { operation: OPERATIONS.watch_100, at_once: 1, floor: 'pushed to 100' },
];
