/** What can be asked of a session. Without schemas, so that a browser need not load any for it. */
export const SESSION_ACTIONS = ['start', 'pause', 'resume', 'stop', 'cancel', 'complete', 'fail', 'retry'] as const;
