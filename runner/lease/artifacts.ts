import { setTimeout as delay } from 'node:timers/promises';
import { withoutTrailingSlash } from '../../src/protocol/common/url.ts';
import { pathOf } from '../../src/protocol/endpoints/routes.ts';

const ATTEMPTS = 5;
const PAUSE_MS = 1_000;
/** The time limit of a download. The largest artifact takes half a minute over a slow connection. */
const ATTEMPT_MS = 120_000;

/**
 * Downloads an artifact of a session's checkpoint.
 *
 * @throws when the artifact does not exist, or every attempt fails
 */
export async function fetchArtifact(
  url: string,
  token: string,
  sessionId: string,
  artifactId: string,
): Promise<Uint8Array> {
  const path = pathOf('readArtifact', { id: sessionId, artifact_id: artifactId });
  const address = withoutTrailingSlash(url) + path;
  for (let attempt = 1; ; attempt++) {
    try {
      const signal = AbortSignal.timeout(ATTEMPT_MS);
      const response = await fetch(address, { headers: { authorization: `Bearer ${token}` }, signal });
      if (response.ok) return new Uint8Array(await response.arrayBuffer());
      if (response.status < 500 || attempt === ATTEMPTS)
        throw new Error(`artifact ${artifactId}: HTTP ${response.status}`);
    } catch (error) {
      if (attempt === ATTEMPTS || !isTransient(error)) throw error;
    }
    await delay(PAUSE_MS * attempt);
  }
}

/** Whether `fetch` failed because the connection broke or the time was up. */
function isTransient(error: unknown): boolean {
  return error instanceof TypeError || (error as Error).name === 'TimeoutError';
}
