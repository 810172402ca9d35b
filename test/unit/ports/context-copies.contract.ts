import { expect, it } from 'vitest';
import type { ContextCopies, ContextCopy } from '../../../src/ports/context-copies.ts';

export const ID = '3f0e1f5e-8a52-8c3d-9d0b-0d6f3a1b2c3d';

/** The contract of every store of copies. All calls of `make` may return the same one. */
export function contextCopiesContract(make: () => ContextCopies): void {
  const workspace = () => `copies-${crypto.randomUUID().slice(0, 8)}`;
  const copy = (version: number, text: string | null = `{"n":${version}}`): ContextCopy => ({ version, text });

  it('returns a copy byte for byte', async () => {
    const text = `{"a":[],"b":12345678901234567890.0,"c":{},"d":"é\\u0000🙂","e":"OK","f":[[],{}]}`;
    const name = workspace();
    expect(await make().get(name, ID)).toBeNull();
    await make().set(name, ID, copy(1, text));
    expect(await make().get(name, ID)).toEqual(copy(1, text));
    const long = JSON.stringify('é'.repeat(400_000));
    await make().set(name, ID, copy(2, long));
    expect(await make().get(name, ID)).toEqual(copy(2, long));
  });

  it('keeps the newest copy for every order of messages', async () => {
    for (const order of [
      [1, 2, 10],
      [10, 2, 1],
      [2, 10, 10, 1],
    ]) {
      const name = workspace();
      for (const version of order) await make().set(name, ID, copy(version));
      expect(await make().get(name, ID)).toEqual(copy(10));
    }
  });

  it('has no text of a deleted context, until it is made again', async () => {
    const name = workspace();
    await make().set(name, ID, copy(2));
    await make().set(name, ID, copy(2, null));
    await make().set(name, ID, copy(2));
    expect(await make().get(name, ID)).toEqual(copy(2, null));
    await make().set(name, ID, copy(3));
    expect(await make().get(name, ID)).toEqual(copy(3));
  });

  it('separates workspaces', async () => {
    const [mine, theirs] = [workspace(), workspace()];
    await make().set(mine, ID, copy(1));
    expect(await make().get(theirs, ID)).toBeNull();
  });
}
