import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RestClient } from '../../src/client/rest.ts';
import type { SessionId } from '../../src/protocol/common/ids.ts';
import { addressOf, nameOf, TOOL_SCOPES, type Which } from './addresses.ts';
import { ToolError } from './answers.ts';
import { unlessAbsent } from './merged-places.ts';
import { pointer } from './places.ts';

interface Dependencies {
  contexts: RestClient['contexts'];
  sessionId: SessionId;
  agentId: string;
  /** The temporary directory of the lease, which is removed with it. */
  directory: string;
  /** From now on, what the agent reports has a mask in place of this value. */
  conceal: (secret: string) => void;
}

/**
 * Secret values of contexts, in files that a command can read. So they are neither in the conversation, which goes to the
 * model's provider and into checkpoints, nor in the session's events.
 */
export class SecretFiles {
  readonly #dependencies: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies;
  }

  async put(path: string, which: Which): Promise<string> {
    const { directory, conceal } = this.#dependencies;
    const { path: place, value } = await this.#read(pointer(path), which);
    for (const text of textsIn(value)) conceal(text);
    const name = `secret-${randomBytes(6).toString('base64url')}`;
    await writeFile(join(directory, name), typeof value === 'string' ? value : JSON.stringify(value), {
      mode: 0o600,
      flag: 'wx',
    });
    return `The value of ${place} is in the file $TMPDIR/${name}. Use it from there, such as by "$(cat "$TMPDIR/${name}")". Do not print it, and do not copy it into the repository.`;
  }

  /** @throws ToolError if there is no value, with the scopes that have one there */
  async #read(place: string, which: Which): Promise<{ path: string; value: unknown }> {
    const found = await this.#find(place, which);
    if (found) return found;
    const others = TOOL_SCOPES.filter((scope) => scope !== (which.scope ?? 'session'));
    const having: string[] = [];
    for (const scope of others) if (await this.#find(place, { scope })) having.push(`"${scope}"`);
    const hint = having.length === 0 ? 'Use context_list.' : `There is one with scope: ${having.join(' or ')}.`;
    throw new ToolError(`There is no value at ${place} in ${nameOf(which)}. ${hint}`);
  }

  async #find(place: string, which: Which): Promise<{ path: string; value: unknown } | null> {
    const { contexts, sessionId, agentId } = this.#dependencies;
    return contexts.getKey(addressOf(which, sessionId, agentId), place).catch(unlessAbsent);
  }
}

/** The texts in a value, at any depth. */
function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
}
