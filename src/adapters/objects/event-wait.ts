import type { WatchFrame } from '../../protocol/session/watch-socket.ts';

const PULL = JSON.stringify({ type: 'pull' });
/** The close code of a peer that has what it wanted (RFC 6455 §7.4.1). */
const DONE = 1000;

/** Waits until a watch socket has an event after its cursor, ends, or cannot go on from the cursor; at most `ms`. */
export async function nextEventOn(socket: WebSocket, ms: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    const done = () => {
      clearTimeout(timer);
      resolve();
    };
    socket.addEventListener('close', done);
    socket.addEventListener('message', ({ data }) => {
      const frame = JSON.parse(String(data)) as WatchFrame;
      if (frame.type === 'hello' && frame.mode === 'resume') socket.send(PULL);
      else if (frame.type === 'hello' || ('events' in frame && frame.events.length > 0)) done();
    });
    socket.accept();
  });
  socket.close(DONE);
}
