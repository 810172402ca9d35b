import { errorCodesOf, OPERATION_IDS } from '../../src/protocol/endpoints/endpoints.ts';
import { matchPath, type OperationId, ROUTES } from '../../src/protocol/endpoints/routes.ts';
import { Chooser, FUZZED, type Ids, INPUT_KINDS, type Input, inputOf } from './inputs.ts';

/** Sends a request to the control plane, with a token of role admin unless the headers have another one. */
export type Send = (request: Pick<Input, 'method' | 'path' | 'headers' | 'body'>) => Promise<Response>;

/** Codes of requests that reach no operation. */
const UNROUTED = ['not_found', 'method_not_allowed', 'unauthorized', 'malformed_request', 'upgrade_required'];
const UUID = '3f0e1f5e-8a52-4f0c-9d0b-0d6f3a1b2c3d';
/** A new session replaces the one that inputs are about after so many, because some of them end it. */
const INPUTS_OF_A_SESSION = 40;

/** Sends inputs one by one. No answer may be a 5xx, and no input that is refused may change anything. */
export class Fuzzer {
  /** How many answers had each status. */
  readonly statuses: Record<number, number> = {};
  readonly #send: Send;
  readonly #choose: Chooser;
  #ids: Ids = {};
  #sent = 0;
  #state: string | null = null;

  constructor(send: Send, random: () => number) {
    this.#send = send;
    this.#choose = new Chooser(random);
  }

  /** Sends the next input. @throws with the input, if its answer breaks a rule */
  async next(kind = this.#choose.of(INPUT_KINDS), operation = this.#choose.of(FUZZED)): Promise<void> {
    if (this.#sent++ % INPUTS_OF_A_SESSION === 0) await this.#newSession();
    const input = inputOf(kind, operation, this.#ids, this.#choose);
    const before = this.#state ?? (await this.#read());
    const response = await this.#send(input);
    const answer = await response.text();
    const { status } = response;
    this.statuses[status] = (this.statuses[status] ?? 0) + 1;
    // Lists of contexts are in Postgres, which the fuzzed Worker has not.
    const isAbsent = status === 503 && operationAt(input) === 'listContexts';
    if (status >= 500 && !isAbsent) throw failed(input, status, answer);
    const isRefused = status >= 400;
    if (isRefused && input.method !== 'HEAD') this.#checkProblem(input, status, answer);
    this.#state = isRefused ? await this.#read() : null;
    if (isRefused && this.#state !== before) throw failed(input, status, `${answer}\n${before}\n${this.#state}`);
  }

  #checkProblem(input: Input, status: number, answer: string): void {
    const { code } = readJson(answer) as { code?: string };
    const reached = operationAt(input);
    const codes: readonly string[] = [...UNROUTED, ...(reached ? errorCodesOf(reached) : [])];
    if (code === undefined || !codes.includes(code)) throw failed(input, status, answer);
  }

  async #newSession(): Promise<void> {
    const session = (await this.#ask('POST', '/api/v1/sessions', {
      title: 'To be poked at',
      initial_prompt: 'x',
    })) as { id: string };
    if (this.#choose.below(2) === 0) await this.#ask('POST', `/api/v1/sessions/${session.id}/start`, {});
    this.#ids = { id: session.id, approval_id: UUID, artifact_id: UUID };
    this.#state = null;
  }

  /** What a refused input must not change. */
  async #read(): Promise<string> {
    const sessions = (await this.#ask('GET', '/api/v1/sessions?page_size=20')) as { items: Record<string, unknown>[] };
    const read = await this.#ask('GET', `/api/v1/sessions/${this.#ids.id}?include=approvals,checkpoints`);
    const session = read as Record<string, unknown>;
    const tokens = (await this.#ask('GET', '/api/v1/tokens')) as { items?: { id: string; revoked_at: unknown }[] };
    const listed = sessions.items.map(({ id, status, updated_at, title }) => [id, status, updated_at, title]);
    // The problem of a deleted session has an id of its own in each answer.
    const stable = 'code' in session ? session.code : { ...session, health_score: null };
    return JSON.stringify([listed, stable, tokens.items?.map(({ id, revoked_at }) => [id, revoked_at])]);
  }

  async #ask(method: string, path: string, body?: object): Promise<unknown> {
    const headers: Record<string, string> = body ? { 'content-type': 'application/json' } : {};
    const response = await this.#send({ method, path, headers, body: body ? JSON.stringify(body) : null });
    return response.json();
  }
}

/** The operation that a request reaches. A changed path may be that of another one. */
function operationAt({ method, path }: Input): OperationId | undefined {
  const { pathname } = new URL(path, 'http://host');
  return OPERATION_IDS.find((id) => ROUTES[id].method === method && matchPath(id, pathname) !== null);
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}

function failed(input: Input, status: number, answer: string): Error {
  const shown = JSON.stringify({ ...input, body: input.body?.slice(0, 500) ?? null });
  return new Error(`${shown}\nwas answered with ${status}: ${answer.slice(0, 3_000)}`);
}
