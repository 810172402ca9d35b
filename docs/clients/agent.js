/**
 * An agent (docs/agent-protocol.md) for Node 22. It needs no package. It works on one offer at a time, and keeps frames
 * in memory: an agent whose work must survive its own end keeps them on its disk.
 *
 *     OIO_URL=http://127.0.0.1:8787 OIO_TOKEN=… node docs/clients/agent.js
 */

const PING_MS = 15_000;
const LONGEST_PAUSE_MS = 15_000;
const BATCH = 100;
const FORMAT = 'example-agent.v1';

/**
 * @param {object} options
 * @param {string} options.url the control plane
 * @param {string} options.token a token of role agent
 * @param {string} options.agentId a UUID, which stays the same for ever
 * @param {string} [options.secret] at least 32 random characters, which stay the same as long; the id belongs to them
 * @param {string} options.name such as AGENT-EXAMPLE
 * @param {(prompt: string, conversation: string[]) => AsyncIterable<string>} options.answer the work: the texts of the
 *   answer to a prompt; `conversation` has all prompts and answers before it
 * @param {string[]} [options.labels]
 * @param {AbortSignal} [options.signal] ends the agent
 */
export function startAgent(options) {
  const { agentId, secret, name, labels = [], signal } = options;
  const instance_id = crypto.randomUUID();
  /** The leases by `<task id>/<epoch>`. */
  const leases = new Map();
  const control = keepOpen(options, `/ws/agents/${agentId}/control`, {
    opened: () =>
      control.send({
        ...{ type: 'hello', name, instance_id, secret },
        capacity: 1,
        capabilities: [],
        labels,
        repository: null,
        remotes: [],
        model: null,
        version: '1',
        leases: [...leases.values()].filter((lease) => lease.granted).map(({ task_id, epoch }) => ({ task_id, epoch })),
      }),
    received: (frame) => {
      if (frame.type === 'superseded') return control.close();
      const { task_id, epoch } = frame;
      const lease = leases.get(`${task_id}/${epoch}`);
      if (frame.type === 'cancel' && lease && !lease.granted) return lease.end();
      if (frame.type !== 'offer') return;
      if (lease?.granted) return control.send({ type: 'accepted', task_id, epoch });
      if (leases.size > 0) return control.send({ type: 'declined', task_id, epoch, reason: 'busy' });
      const offer = { task_id, epoch, proof: frame.proof };
      leases.set(`${task_id}/${epoch}`, work({ ...options, instance_id, ...offer }, { granted, ended }));
    },
  });
  const granted = ({ task_id, epoch }) => control.send({ type: 'accepted', task_id, epoch });
  const ended = ({ task_id, epoch }) => {
    leases.delete(`${task_id}/${epoch}`);
    control.send({ type: 'ended', task_id, epoch });
  };
  signal?.addEventListener('abort', () => {
    for (const lease of leases.values()) lease.end();
    control.close();
  });
}

/** Claims an offer, and works on it until the lease ends. */
function work({ task_id, epoch, proof, agentId, name, instance_id, answer, ...options }, { granted, ended }) {
  const stream_id = crypto.randomUUID();
  const lease = { task_id, epoch, granted: false, end };
  /** The frames that are not acknowledged; the first one has the number `acked + 1`. */
  let frames = [];
  let acked = 0;
  let accepted = false;
  const queue = [];
  const taken = new Set();
  const progress = { conversation: [], done: 0, last: 0, isBusy: false, leaving: null, hasLeft: false, over: false };

  const socket = keepOpen(options, `/ws/leases/${task_id}/${epoch}`, {
    opened: () => {
      accepted = false;
      const claim = { agent_id: agentId, agent_name: name, instance_id, stream_id, repository: null, proof };
      socket.send({ type: 'present', ...claim, head: acked + frames.length });
    },
    received: (frame) => {
      if (frame.type === 'lease') return void begin(frame);
      if (frame.type === 'ack') return acknowledge(frame.n);
      if (frame.type === 'expected') {
        acknowledge(frame.n - 1);
        return sendAll();
      }
      if (frame.type === 'command') return command(frame.id, frame.command);
      if (['ended', 'lease_lost', 'gone'].includes(frame.type)) end();
    },
  });

  async function begin({ assignment, acked }) {
    accepted = true;
    acknowledge(acked);
    sendAll();
    if (lease.granted) return;
    lease.granted = true;
    granted(lease);
    // Messages that arrive meanwhile wait.
    progress.isBusy = true;
    progress.conversation = await restored(options, assignment);
    progress.isBusy = false;
    progress.done = assignment.messages_done;
    progress.last = assignment.messages_last;
    if (progress.done === progress.last) finish();
    void next();
  }

  function acknowledge(n) {
    if (n <= acked) return;
    frames = frames.slice(n - acked);
    acked = n;
  }

  function sendAll() {
    for (let start = 0; start < frames.length; start += BATCH) {
      socket.send({ type: 'frames', frames: frames.slice(start, start + BATCH) });
    }
  }

  function report(type, data) {
    const frame = { n: acked + frames.length + 1, type, data };
    frames.push(frame);
    if (accepted) socket.send({ type: 'frames', frames: [frame] });
  }

  function command(id, { type, data }) {
    // A command comes again until it is acknowledged.
    if (!taken.has(id)) {
      taken.add(id);
      if (type === 'message') queue.push(data);
      if (type === 'pause' || type === 'stop') progress.leaving = type === 'pause' ? 'paused' : 'stopped';
      if (type === 'checkpoint') void checkpoint(true);
      void next();
    }
    socket.send({ type: 'command_ack', id });
  }

  async function next() {
    if (progress.isBusy || progress.hasLeft || progress.over || !lease.granted) return;
    if (progress.leaving) {
      progress.hasLeft = true;
      return report('released', { reason: progress.leaving, message: 'as requested' });
    }
    const message = queue.shift();
    if (!message) return;
    progress.isBusy = true;
    progress.last = Math.max(progress.last, message.number);
    await turn(message);
    progress.isBusy = false;
    if (progress.over) return;
    if (!progress.leaving && progress.done === progress.last) finish();
    void next();
  }

  async function turn({ number, text }) {
    const part = { message_id: `answer-${number}`, part_id: `answer-${number}` };
    let written = '';
    report('turn.started', { turn: number, message: number, model: null, agent: null });
    for await (const words of answer(text, progress.conversation)) {
      if (progress.over || progress.leaving) return;
      report('text.delta', { ...part, offset: written.length, text: words });
      written += words;
    }
    report('part.completed', { ...part, length: written.length });
    report('turn.completed', { turn: number, message: number, finish: 'stop' });
    progress.conversation.push(text, written);
    progress.done = number;
    await checkpoint(false);
  }

  /** Sends the conversation as an artifact, and a checkpoint that names it. */
  async function checkpoint(requested) {
    const bytes = new TextEncoder().encode(JSON.stringify(progress.conversation));
    const messages_done = progress.done;
    const sha256 = await sha256Of(bytes);
    const artifact = { artifact_id: crypto.randomUUID(), bytes: bytes.length, sha256 };
    for (let index = 0; index * 196_608 < bytes.length; index++) {
      const chunk = bytes.subarray(index * 196_608, (index + 1) * 196_608);
      const data = btoa(Array.from(chunk, (byte) => String.fromCharCode(byte)).join(''));
      report('artifact.chunk', { artifact_id: artifact.artifact_id, index, data });
    }
    report('checkpoint', {
      turn: messages_done,
      messages_done,
      base_commit: null,
      patch: null,
      conversation: { ...artifact, format: FORMAT },
      files: [],
      local_only: false,
      requested,
    });
  }

  function finish() {
    const text = progress.conversation.at(-1) ?? '';
    report('result', { status: 'completed', text, messages_done: progress.done, finish: 'stop', error: null });
  }

  function end() {
    if (progress.over) return;
    progress.over = true;
    socket.close();
    ended(lease);
  }
  return lease;
}

/** The conversation of the checkpoint that a lease starts from. */
async function restored({ url, token, fetch = globalThis.fetch }, { session_id, checkpoint }) {
  if (checkpoint?.conversation_format !== FORMAT) return [];
  const path = `sessions/${session_id}/artifacts/${checkpoint.conversation_artifact_id}`;
  const response = await fetch(`${url}/api/v1/${path}`, { headers: { Authorization: `Bearer ${token}` } });
  return JSON.parse(new TextDecoder().decode(await response.arrayBuffer()));
}

/** Keeps a socket open: connects again after a random pause, and pings. Sends nothing while the socket is not open. */
function keepOpen(
  { url, token, signal, fetch = globalThis.fetch, WebSocket = globalThis.WebSocket },
  path,
  { opened, received },
) {
  let socket = null;
  let isClosed = false;
  let attempt = 0;
  const connect = async () => {
    try {
      const response = await fetch(`${url}/api/v1/tickets`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
        body: JSON.stringify({ path }),
      });
      const { ticket, protocol } = await response.json();
      if (isClosed) return;
      const current = new WebSocket(url.replace(/^http/, 'ws') + path, [protocol, `oio.ticket.${ticket}`]);
      let isHeard = false;
      let isOver = false;
      const end = () => {
        if (isOver) return;
        isOver = true;
        clearInterval(pings);
        if (socket === current) socket = null;
        current.close();
        again();
      };
      const pings = setInterval(() => {
        if (!isHeard) return end();
        isHeard = false;
        current.send('ping');
      }, PING_MS);
      current.addEventListener('open', () => {
        isHeard = true;
        socket = current;
        opened();
      });
      current.addEventListener('message', ({ data }) => {
        isHeard = true;
        attempt = 0;
        if (data !== 'pong') received(JSON.parse(data));
      });
      current.addEventListener('close', end);
      // Not every platform has a `close` after it.
      current.addEventListener('error', end);
    } catch {
      again();
    }
  };
  const again = () => {
    if (isClosed || signal?.aborted) return;
    setTimeout(connect, Math.random() * Math.min(250 * 2 ** attempt++, LONGEST_PAUSE_MS));
  };
  void connect();
  return {
    send: (frame) => socket?.send(JSON.stringify(frame)),
    close: () => {
      isClosed = true;
      socket?.close(1000);
    },
  };
}

async function sha256Of(bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

if (globalThis.process?.argv[1]?.endsWith('docs/clients/agent.js')) {
  const { OIO_URL: url, OIO_TOKEN: token } = process.env;
  async function* answer(prompt) {
    yield 'You said: ';
    yield prompt;
  }
  startAgent({ url, token, agentId: crypto.randomUUID(), name: 'AGENT-EXAMPLE', answer });
}
