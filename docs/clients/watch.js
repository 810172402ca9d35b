/**
 * A client of the watch protocol (docs/watch-protocol.md) for Node 22 and browsers. It needs no package.
 *
 *     OIO_URL=http://127.0.0.1:8787 OIO_TOKEN=… node docs/clients/watch.js <session id> [cursor]
 */

/** Close codes after which another connection would end in the same way. */
const FINAL = new Set([4000, 4001, 4004, 4010]);
const PING_MS = 25_000;
const LONGEST_PAUSE_MS = 15_000;

/**
 * Follows a session's log, over as many connections as that takes.
 *
 * @param {object} options
 * @param {string} options.url the control plane
 * @param {string} options.token a token of role viewer, operator or admin
 * @param {string} options.id the session
 * @param {string | null} [options.after] the cursor up to which you have the log
 * @param {(state: any, cursor: string) => void} options.onSnapshot gets the folded state that replaces all before it;
 *   null for that of a session without events
 * @param {(events: any[], cursor: string) => void} options.onEvents gets each event of the log once and in order
 * @param {AbortSignal} [options.signal] ends the watch
 * @param {typeof fetch} [options.fetch]
 * @param {any} [options.WebSocket]
 * @returns {Promise<{ code: number, reason: string } | null>} how the server ended it; null if the signal did
 */
export async function watch({ fetch = globalThis.fetch, WebSocket = globalThis.WebSocket, after = null, ...options }) {
  const { url, token, id, signal } = options;
  const place = { cursor: after };
  for (let attempt = 0; !signal?.aborted; attempt++) {
    try {
      const { ticket, protocol } = await createTicket(fetch, url, token, `/ws/sessions/${id}`);
      const query = place.cursor === null ? '' : `?after=${place.cursor}`;
      const address = `${url.replace(/^http/, 'ws')}/ws/sessions/${id}${query}`;
      const socket = new WebSocket(address, [protocol, `oio.ticket.${ticket}`]);
      const end = await follow(socket, place, options);
      if (end.greeted) attempt = 0;
      if (FINAL.has(end.code)) return { code: end.code, reason: end.reason };
    } catch (error) {
      if (error.final) return { code: error.status, reason: error.message };
    }
    await pause(Math.random() * Math.min(500 * 2 ** attempt, LONGEST_PAUSE_MS), signal);
  }
  return null;
}

/** A ticket opens one socket within 30 seconds. Outside browsers, the token itself may be sent as a header instead. */
async function createTicket(fetch, url, token, path) {
  const response = await fetch(`${url}/api/v1/tickets`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ path }),
  });
  const answer = await response.json();
  if (response.ok) return answer;
  const final = response.status < 500 && response.status !== 429;
  throw Object.assign(new Error(answer.detail), { status: response.status, final });
}

/** Runs one connection. Resolves when it has ended. */
function follow(socket, place, { onSnapshot, onEvents, signal }) {
  return new Promise((resolve) => {
    let greeted = false;
    let snapshot = null;
    const send = (frame) => socket.send(JSON.stringify(frame));
    const leave = () => socket.close(1000);
    let isHeard = false;
    const end = ({ code = 1006, reason = '' }) => {
      clearInterval(pings);
      signal?.removeEventListener('abort', leave);
      resolve({ code, reason, greeted });
    };
    const pings = setInterval(() => {
      if (!isHeard) {
        leave();
        return end({});
      }
      isHeard = false;
      socket.send('ping');
    }, PING_MS);
    signal?.addEventListener('abort', leave);
    socket.addEventListener('close', end);
    // Not every platform has a `close` after it, which would have a code.
    socket.addEventListener('error', () => setTimeout(end, 500, {}));
    socket.addEventListener('message', ({ data }) => {
      isHeard = true;
      if (data === 'pong') return;
      const frame = JSON.parse(data);
      if (frame.type === 'mark') return send({ type: 'ack', mark: frame.mark });
      if (frame.type === 'hello') {
        greeted = true;
        snapshot = frame.mode === 'snapshot' ? { cursor: frame.cursor, parts: frame.parts, text: '' } : null;
        if (!snapshot?.parts) place.cursor = frame.cursor;
        if (snapshot?.parts === 0) onSnapshot(null, place.cursor);
      } else if (frame.type === 'snapshot') {
        snapshot.text += frame.data;
        if (frame.part === snapshot.parts - 1) {
          place.cursor = snapshot.cursor;
          onSnapshot(JSON.parse(snapshot.text), place.cursor);
        }
      } else if (frame.type === 'page' || frame.type === 'events') {
        const head = seqOf(place.cursor);
        const fresh = frame.events.filter((event) => event.seq > head);
        if (fresh.length > 0 && fresh[0].from_seq > head + 1) return leave();
        place.cursor = frame.cursor;
        if (fresh.length > 0) onEvents(fresh, place.cursor);
      }
      // Live events are pushed. Everything before them is pulled.
      if (frame.type !== 'events' && !frame.live) send({ type: 'pull' });
    });
  });
}

/** The position in a cursor, `<incarnation>.<seq>`. */
function seqOf(cursor) {
  return Number(cursor.split('.')[1]);
}

function pause(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

if (globalThis.process?.argv[1]?.endsWith('docs/clients/watch.js')) {
  const { OIO_URL: url, OIO_TOKEN: token } = process.env;
  const [, , id, after = null] = process.argv;
  const print = (what, cursor) => console.log(JSON.stringify({ cursor, ...what }));
  const onSnapshot = (state, cursor) => print({ state }, cursor);
  const onEvents = (events, cursor) => print({ events }, cursor);
  const end = await watch({ url, token, id, after, onSnapshot, onEvents });
  console.error(`The server closed the socket with ${end.code}: ${end.reason}`);
}
