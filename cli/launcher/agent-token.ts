import type { CreatedToken, CreateTokenRequest, TokenList } from '../../src/protocol/token.ts';
import { type Connection, callApi } from '../api.ts';
import type { DataDirectory } from './data-directory.ts';

const fileName = 'agent-token.json';
const lifetimeSeconds = 31_536_000;
const renewBeforeMs = 30 * 86_400_000;

/** The token of the agent that runs beside the control plane: kept over starts, made anew when revoked or near its end. */
export async function localAgentToken(data: DataDirectory, connection: Connection): Promise<string> {
  const kept = data.readJson<CreatedToken>(fileName);
  if (kept && Date.parse(kept.expires_at) - Date.now() > renewBeforeMs) {
    const { items } = await callApi<TokenList>(connection, '/api/v1/tokens');
    if (items.some(({ id, revoked_at }) => id === kept.id && revoked_at === null)) return kept.token;
  }
  const body: CreateTokenRequest = { name: 'local agent', role: 'agent', expires_in_seconds: lifetimeSeconds };
  const made = await callApi<CreatedToken>(connection, '/api/v1/tokens', { method: 'POST', body });
  data.writePrivate(fileName, `${JSON.stringify(made)}\n`);
  return made.token;
}
