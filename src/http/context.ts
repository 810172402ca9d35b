import type { Context } from 'hono';
import type { ErrorCode } from '../protocol/common/errors.ts';
import type { Principal } from '../protocol/workspace/token.ts';

/** What middleware leaves for the handlers of one request. */
export interface AppEnv {
  Variables: {
    requestId: string;
    principal: Principal;
    /** The body as it came, for the fingerprint of an idempotency key. */
    bodyText: string;
    /** The code of the problem that was answered, for the log. */
    errorCode: ErrorCode;
  };
}

export type AppContext = Context<AppEnv>;
