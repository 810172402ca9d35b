import type { SessionAction } from '../../../../src/protocol/common/enums.ts';
import type { SessionInProcess } from '../../../unit/session/harness.ts';

/** What people ask for, likely things several times. */
export const ACTIONS = [
  ...['start', 'start', 'pause', 'pause', 'pause', 'resume', 'resume', 'resume', 'retry', 'retry'],
  ...['stop', 'stop', 'cancel', 'complete', 'fail'],
] as SessionAction[];

/** A person who calls a session. */
export interface Caller {
  runtime: SessionInProcess['runtime'];
  call: SessionInProcess['call'];
}
