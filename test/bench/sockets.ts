import { type Connection, webSocketConnections } from '../../runner/lease/connection.ts';

/**
 * Opens a socket as agents do: the token in a header, subprotocol `oio.v1`.
 * @param onClosed called when the socket closes by itself, so that no caller waits for its next message
 */
export function openSocket(
  url: string,
  path: string,
  token: string,
  onMessage: (text: string, connection: Connection) => void,
  onClosed: (error: Error) => void = () => undefined,
): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const connection = webSocketConnections(url, token)(path, {
      opened: () => resolve(connection),
      received: (text) => onMessage(text, connection),
      closed: (reason) => {
        const error = new Error(`${path}: ${reason}`);
        reject(error);
        onClosed(error);
      },
    });
  });
}
