import { isProblem } from '../src/client/errors.ts';
import type { ResultStatus } from '../src/protocol/common/enums.ts';

/** The response of a server that did not open a socket. */
export interface Rejection {
  status: number;
  /** The control plane's explanation; null when another server has answered. */
  detail: string | null;
}

/** The control plane does not accept this agent, and a retry cannot change that. The message says what to do. */
export class AccessRefusedError extends Error {
  override name = 'AccessRefusedError';
}

/** Another process has this agent's identity, and the control plane works with that one. The message says what to do. */
export class SupersededError extends Error {
  override name = 'SupersededError';

  constructor({ reason, removed }: { reason: string; removed?: true | undefined }, dataDirectory: string) {
    super(
      removed
        ? `The control plane has dropped this agent: ${reason}. To register it again, start it again.`
        : `The control plane has dropped this agent: ${reason}. Its identity in ${dataDirectory} is for one process, and a copy of that directory has the same. Stop the other process, or set --data to another directory.`,
    );
  }
}

/** The agent was to stop without work, and has had no control plane to get work from. */
export class UnreachableError extends Error {
  override name = 'UnreachableError';

  constructor(url: string) {
    super(`The control plane at ${url} could not be reached, so there was no work to wait for.`);
  }
}

/** An agent that works on one task has not completed it. */
export class NotCompletedError extends Error {
  override name = 'NotCompletedError';

  /** @param outcome null if the lease ended without a result */
  constructor(outcome: ResultStatus | null) {
    super(outcome === null ? 'The task ended without a result.' : `The task has ended: ${outcome}.`);
  }
}

/** @param text the body of the response, which may be a page of any server */
export function rejectionOf(status: number, text: string): Rejection {
  try {
    const body: unknown = JSON.parse(text);
    return { status, detail: isProblem(body) ? body.detail : null };
  } catch {
    return { status, detail: null };
  }
}

const CREATE_TOKEN =
  'To create one for an agent, run "npm run oio -- token --role agent --name <name>" where the control plane runs.';
const WARN_BEFORE_MS = 7 * 86_400_000;

/**
 * The warning for a token that expires within a week; null for any other. Only the control plane verifies a token, so
 * a text that is no JSON Web Token (RFC 7519) has no known end.
 *
 * @param now ms since the epoch
 */
export function expiryWarning(token: string, now: number): string | null {
  const expiresAt = expiryOf(token);
  if (expiresAt === null || expiresAt - now > WARN_BEFORE_MS) return null;
  const at = new Date(expiresAt).toISOString().slice(0, 16).replace('T', ' ');
  return `this agent's token expires at ${at} UTC, and the agent stops then. ${CREATE_TOKEN}`;
}

function expiryOf(token: string): number | null {
  try {
    const { exp } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { exp?: unknown };
    return typeof exp === 'number' ? exp * 1_000 : null;
  } catch {
    return null;
  }
}

/**
 * Explains a rejection: an error if the agent must give up, or else the reason to log before the next attempt.
 *
 * @param isKnown whether the control plane has accepted the agent at this address before, so that another server's
 *   answer, such as a proxy's, is a passing fault
 */
export function judgeRejection(
  url: string,
  { status, detail }: Rejection,
  isKnown: boolean,
): AccessRefusedError | string {
  if (detail !== null && status === 401)
    return new AccessRefusedError(`${url} does not accept this token. ${CREATE_TOKEN}`);
  if (detail !== null && status === 403) return new AccessRefusedError(`This token is not for agents. ${CREATE_TOKEN}`);
  if (detail !== null) return `it answered ${status}: ${detail}`;
  if (isKnown || status >= 500) return `another server answered ${status}`;
  return new AccessRefusedError(
    `The server at ${url} is not a control plane (it answered ${status}). Set --url to the control plane's address.`,
  );
}
