import type { SessionList } from '../../../src/protocol/session/list.ts';
import type { SessionView } from '../../../src/protocol/session/session.ts';
import { HttpConnection, type HttpRequest, httpLoad } from '../http.ts';
import { LISTED_SESSIONS, MANY, OPERATIONS } from '../plan.ts';
import type { ControlPlane } from '../servers.ts';
import type { Recorder } from '../statistics.ts';

const SESSIONS = '/api/v1/sessions';

export function createRequest(token: string): HttpRequest {
  const body = { title: 'A session to measure', initial_prompt: 'Nothing is to be done.' };
  return { method: 'POST', path: SESSIONS, token, body };
}

/** The REST API, on workspaces of its own. */
export class Requests {
  readonly #url: string;
  readonly #token: string;
  readonly #listToken: string;
  readonly #sessionPath: string;

  private constructor(url: string, token: string, listToken: string, sessionPath: string) {
    this.#url = url;
    this.#token = token;
    this.#listToken = listToken;
    this.#sessionPath = sessionPath;
  }

  /** Creates the session to read and the sessions to list. */
  static async prepare({ url, token }: ControlPlane): Promise<Requests> {
    const creator = await token('requests', 'operator');
    const lister = await token('lists', 'operator');
    await httpLoad(url, MANY, LISTED_SESSIONS, () => createRequest(lister));
    const connection = new HttpConnection(url);
    const { id } = await connection.json<SessionView>(createRequest(creator));
    const { total } = await connection.json<SessionList>({ method: 'GET', path: SESSIONS, token: lister });
    connection.close();
    if (total !== LISTED_SESSIONS) throw new Error(`${total} sessions are listed, not ${LISTED_SESSIONS}`);
    return new Requests(url, creator, lister, `${SESSIONS}/${id}`);
  }

  /** One round. */
  async measure(recorder: Recorder): Promise<void> {
    const load = async (operation: string, atOnce: number, count: number, request: HttpRequest) =>
      recorder.add(operation, atOnce, await httpLoad(this.#url, atOnce, count, () => request));
    const health: HttpRequest = { method: 'GET', path: '/health' };
    const read: HttpRequest = { method: 'GET', path: this.#sessionPath, token: this.#token };
    const list: HttpRequest = { method: 'GET', path: SESSIONS, token: this.#listToken };

    await load(OPERATIONS.health, 1, 200, health);
    await load(OPERATIONS.health, MANY, 1_000, health);
    await load(OPERATIONS.read, 1, 150, read);
    await load(OPERATIONS.read, MANY, 500, read);
    await load(OPERATIONS.list, 1, 75, list);
    await load(OPERATIONS.list, MANY, 200, list);
    await load(OPERATIONS.create, 1, 30, createRequest(this.#token));
    await load(OPERATIONS.create, MANY, 100, createRequest(this.#token));
  }
}
