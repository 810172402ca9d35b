import type { Conversations } from '../../../runner/lease/leftover-conversations.ts';

/** Conversations in memory. Each has its directory for an id. */
export class MemoryConversations implements Conversations {
  readonly directories: string[] = [];

  async listConversations(): Promise<{ id: string; directory: string }[]> {
    return this.directories.map((directory) => ({ id: directory, directory }));
  }

  async forgetConversation(id: string): Promise<void> {
    this.directories.splice(this.directories.indexOf(id), 1);
  }
}
