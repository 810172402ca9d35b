import { isProblem } from '../src/client/errors.ts';

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

/** @param text the body of the response, which may be a page of any server */
export function rejectionOf(status: number, text: string): Rejection {
  try {
    const body: unknown = JSON.parse(text);
    return { status, detail: isProblem(body) ? body.detail : null };
  } catch {
    return { status, detail: null };
  }
}

/**
 * What a rejection means for an agent: an error if the agent must give up, else the reason to log before it tries again.
 *
 * @param isKnown whether the control plane has accepted the agent at this address before, so that another server's
 *   answer, such as a proxy's, is a passing fault
 */
export function judgeRejection(
  url: string,
  { status, detail }: Rejection,
  isKnown: boolean,
): AccessRefusedError | string {
  const create =
    'To create one for an agent, run "npm run oio -- token --role agent --name <name>" where the control plane runs.';
  if (detail !== null && status === 401) return new AccessRefusedError(`${url} does not accept this token. ${create}`);
  if (detail !== null && status === 403) return new AccessRefusedError(`This token is not for agents. ${create}`);
  if (detail !== null) return `it answered ${status}: ${detail}`;
  if (isKnown || status >= 500) return `another server answered ${status}`;
  return new AccessRefusedError(
    `The server at ${url} is not a control plane (it answered ${status}). Set --url to the control plane's address.`,
  );
}
