import { readerOf, whyMayNot } from '../../domain/context/access.ts';
import type { Call } from '../../ports/calls.ts';
import type { ContextCopies } from '../../ports/context-copies.ts';
import type { Contexts } from '../../ports/contexts.ts';
import { errorFields, type Logger } from '../../ports/logger.ts';
import { type Outcome, ok } from '../../protocol/common/errors.ts';
import type { ContextRef } from '../../protocol/context/address.ts';
import type { Context } from '../../protocol/context/context.ts';
import type { ReadContextQuery } from '../../protocol/context/requests.ts';
import { contextAt } from './identity.ts';

interface Dependencies {
  contexts: Contexts;
  contextCopies: ContextCopies | null;
  logger: Logger;
}

/**
 * Reads a context from its home. A request that names the newest version that its reader has seen may get a copy that is
 * as new, if it may read the context. In all other cases, and whatever is wrong with the copy, the home answers.
 */
export async function readContext(
  { contexts, contextCopies, logger }: Dependencies,
  call: Call,
  ref: ContextRef,
  { version, min_version }: ReadContextQuery,
): Promise<Outcome<Context>> {
  const { id, home } = await contextAt(contexts, call, ref);
  if (contextCopies && version === undefined && min_version !== undefined) {
    try {
      const copy = await contextCopies.get(call.principal.workspace, id);
      if (copy && copy.text !== null && copy.version >= min_version) {
        const context = JSON.parse(copy.text) as Context;
        if (!whyMayNot(readerOf(call), 'read', context)) return ok(context);
      }
    } catch (error) {
      logger('debug', 'context_copy_unavailable', errorFields(error));
    }
  }
  return home.read(call, version);
}
