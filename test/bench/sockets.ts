import { type Line, webSocketLines } from '../../runner/lease/connection.ts';

/**
 * Opens a socket as agents do: the token in a header, subprotocol `oio.v1`.
 * @param onClosed hears of a socket that closes by itself, so that nobody waits for its next message
 */
export function openSocket(
  url: string,
  path: string,
  token: string,
  onMessage: (text: string, line: Line) => void,
  onClosed: (error: Error) => void = () => undefined,
): Promise<Line> {
  return new Promise((resolve, reject) => {
    const line = webSocketLines(url, token)(path, {
      opened: () => resolve(line),
      received: (text) => onMessage(text, line),
      closed: (reason) => {
        const error = new Error(`${path}: ${reason}`);
        reject(error);
        onClosed(error);
      },
    });
  });
}
