import type { ActionRequest } from '../../../../src/ports/sessions.ts';
import type { SessionInProcess } from '../../../unit/session/harness.ts';

/** What people ask for, likely things several times. */
export const ACTIONS = [
  ...['start', 'start', 'pause', 'pause', 'pause', 'resume', 'resume', 'resume', 'retry', 'retry'],
  ...['stop', 'stop', 'cancel', 'complete', 'fail'],
] as ActionRequest['action'][];

/** A person who calls a session. */
export interface Caller {
  runtime: SessionInProcess['runtime'];
  call: SessionInProcess['call'];
}

/** A request for an action, with the body that it needs. */
export function requestOf(action: ActionRequest['action']): ActionRequest {
  switch (action) {
    case 'stop':
      return { action, body: {} };
    case 'complete':
      return { action, body: { result: { success: true } } };
    case 'fail':
      return { action, body: { error: { message: 'By hand.' } } };
    case 'retry':
      return { action, body: { from: 'last' } };
    default:
      return { action };
  }
}
