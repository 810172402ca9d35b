import { DurableObject } from 'cloudflare:workers';

/** An object that does the minimum for a request. All operations are compared with it. */
export class Floor extends DurableObject {
  constructor(ctx, env) {
    super(ctx, env);
    ctx.storage.sql.exec('CREATE TABLE IF NOT EXISTS rows (n INTEGER PRIMARY KEY, data TEXT NOT NULL)');
  }

  nothing() {
    return 'ok';
  }

  insert(data) {
    this.ctx.storage.sql.exec('INSERT INTO rows (data) VALUES (?)', data);
    return 'ok';
  }

  /** Answers with the text of the first row. */
  read() {
    return this.ctx.storage.sql.exec('SELECT data FROM rows ORDER BY n LIMIT 1').one().data;
  }

  /** Inserts a row, and answers with as much as `read`. */
  exchange(data) {
    this.insert(data);
    return this.read();
  }

  /** Inserts a row, then has another object insert one and send to its sockets. Does not wait for the other object. */
  handOn(other) {
    this.insert('x'.repeat(100));
    this.ctx.waitUntil(this.env.FLOOR.getByName(other).insertAndSend());
    return 'ok';
  }

  insertAndSend() {
    this.insert('x'.repeat(100));
    for (const socket of this.ctx.getWebSockets()) socket.send('handed on');
  }

  fetch(request) {
    const [client, server] = Object.values(new WebSocketPair());
    this.ctx.acceptWebSocket(server, [new URL(request.url).searchParams.get('role')]);
    return new Response(null, { status: 101, webSocket: client, headers: { 'sec-websocket-protocol': 'oio.v1' } });
  }

  /** Inserts one row, acknowledges the message, and sends it to all watchers. */
  webSocketMessage(socket, message) {
    this.insert(message);
    socket.send('ack');
    for (const watcher of this.ctx.getWebSockets('watch')) watcher.send(message);
  }
}

export default {
  async fetch(request, env) {
    const [, operation, name = 'one', other = ''] = new URL(request.url).pathname.split('/');
    const object = () => env.FLOOR.getByName(name);
    if (operation === 'nothing') return new Response(await object().nothing());
    if (operation === 'insert') {
      return new Response(await object().insert(request.body ? await request.text() : 'x'.repeat(100)));
    }
    if (operation === 'read') return new Response(await object().read());
    if (operation === 'exchange') return new Response(await object().exchange(await request.text()));
    if (operation === 'hand-on') return new Response(await object().handOn(other));
    if (operation === 'read-and-forward') {
      await object().read();
      return forward(env.FORWARDED[other]);
    }
    if (operation === 'forward') return forward(env.FORWARDED[name]);
    if (operation === 'forward-and-insert') {
      const response = await forward(env.FORWARDED[name]);
      await env.FLOOR.getByName('one').insert(await request.text());
      return response;
    }
    if (operation === 'socket') return object().fetch(request);
    return new Response('ok');
  },
};

async function forward({ url, ...init }) {
  return new Response(await (await fetch(url, init)).text());
}
