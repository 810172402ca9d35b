import { readerOf, whyMayNot } from '../../domain/context/access.ts';
import type { Call } from '../../ports/calls.ts';
import type { ContextApi, Contexts, NewContext } from '../../ports/contexts.ts';
import type { Outcome } from '../../protocol/common/errors.ts';
import type { ContextRef } from '../../protocol/context/address.ts';
import { contextAt } from './identity.ts';
import { type Owners, ownerExists } from './owner-exists.ts';

interface Dependencies extends Owners {
  contexts: Contexts;
}

/**
 * Writes to a context. If the request has the address of one that does not exist, the write makes it, once its owner is
 * known to exist. A write to an existing one costs one call.
 */
export async function writeContext<T>(
  { contexts, ...owners }: Dependencies,
  call: Call,
  ref: ContextRef,
  write: (home: ContextApi, create?: NewContext) => Promise<Outcome<T>>,
): Promise<Outcome<T>> {
  const { home, create } = await contextAt(contexts, call, ref);
  const refusal = create && whyMayNot(readerOf(call), 'write', create);
  if (refusal) return refusal;
  const written = await write(home);
  if (written.ok || written.failure.code !== 'context_not_found' || !create) return written;
  const known = await ownerExists(owners, call, create);
  return known.ok ? write(home, create) : known;
}
