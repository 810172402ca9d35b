import { type ClientOptions, createClient } from '../../../src/client/client.ts';
import type { CreatedToken } from '../../../src/protocol/workspace/token.ts';
import { type Ask, ask, HOST, newWorkspace, signToken } from '../http-support.ts';
import { type Recorded, socketsOf } from './worker-socket.ts';

/** A workspace whose clients are compared with the API's description, and whose sockets are kept. */
export async function clientsOfWorkspace() {
  const workspace = newWorkspace();
  const first = await signToken('admin', workspace);
  const connections: Recorded[] = [];
  const clientOf = (token: string, lease?: ClientOptions['lease']) =>
    createClient({
      ...{ baseUrl: HOST, token },
      ...(lease && { lease }),
      fetch: (url, init) => {
        const { headers, body, method } = init!;
        return ask(String(url).slice(HOST.length), { method, headers, raw: body } as Ask);
      },
      WebSocket: socketsOf((connection) => connections.push(connection)) as never,
    });
  const send = async <T>(token: string, path: string, body: object) => {
    const answer = await ask(`/api/v1/${path}`, { token, body });
    return (answer.status === 204 ? null : await answer.json()) as T;
  };
  // Only a listed token opens sockets, and registers agents that open some.
  const listed = (role: string) => send<CreatedToken>(first, 'tokens', { name: role, role });
  const { token: admin } = await listed('admin');
  const post = <T>(path: string, body: object, token = admin) => send<T>(token, path, body);
  return { workspace, client: clientOf(admin), clientOf, post, listed, connections };
}
