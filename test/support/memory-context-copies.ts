import type { ContextCopies, ContextCopy } from '../../src/ports/context-copies.ts';

/** Copies of contexts in memory, as Redis has them, but for ever. */
export class MemoryContextCopies implements ContextCopies {
  readonly copies = new Map<string, ContextCopy>();

  async set(workspace: string, id: string, copy: ContextCopy): Promise<void> {
    const held = this.copies.get(`${workspace}/${id}`);
    if (!held || orderOf(held) <= orderOf(copy)) this.copies.set(`${workspace}/${id}`, copy);
  }

  async get(workspace: string, id: string): Promise<ContextCopy | null> {
    return this.copies.get(`${workspace}/${id}`) ?? null;
  }
}

const orderOf = ({ version, text }: ContextCopy) => 2 * version + Number(text === null);
