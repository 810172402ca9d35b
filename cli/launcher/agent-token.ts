import type { Client } from '../../src/client/client.ts';
import type { CreatedToken } from '../../src/protocol/workspace/token.ts';
import type { DataDirectory } from '../data-directory.ts';

const fileName = 'agent-token.json';
const lifetimeSeconds = 31_536_000;
const renewBeforeMs = 30 * 86_400_000;

/** The token of the local agent. It is kept between starts, and replaced when it is revoked or about to expire. */
export async function localAgentToken(data: DataDirectory, client: Pick<Client, 'tokens'>): Promise<string> {
  const kept = data.readJson<CreatedToken>(fileName);
  if (kept && Date.parse(kept.expires_at) - Date.now() > renewBeforeMs) {
    const known = (await client.tokens.list()).find(({ id }) => id === kept.id);
    if (known?.revoked_at === null) return kept.token;
  }
  const made = await client.tokens.create({
    name: 'local agent',
    role: 'agent',
    expires_in_seconds: lifetimeSeconds,
  });
  data.writePrivate(fileName, `${JSON.stringify(made)}\n`);
  return made.token;
}
