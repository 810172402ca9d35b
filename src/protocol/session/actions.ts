/** The actions on a session. The file has no schemas, so that browsers need not load zod for it. */
export const SESSION_ACTIONS = ['start', 'pause', 'resume', 'stop', 'cancel', 'complete', 'fail', 'retry'] as const;
