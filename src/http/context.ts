import type { Context } from 'hono';
import type { ErrorCode } from '../protocol/common/errors.ts';
import type { Principal } from '../protocol/workspace/token.ts';

/** The values that middleware sets for the handlers of a request. */
export interface AppEnv {
  Variables: {
    requestId: string;
    principal: Principal;
    /** The code of the problem in the response, for the log. */
    errorCode: ErrorCode;
  };
}

export type AppContext = Context<AppEnv>;
