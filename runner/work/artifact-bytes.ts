import { createHash } from 'node:crypto';

/**
 * The bytes of an artifact with a known checksum.
 * @throws when it is missing or damaged, because to start without it would silently lose work
 */
export async function fetchVerified(
  fetchArtifact: (artifactId: string) => Promise<Uint8Array>,
  id: string,
  sha256: string | null,
): Promise<Uint8Array> {
  const bytes = await fetchArtifact(id).catch((error: Error) => {
    throw new Error(`The checkpoint cannot be read: ${error.message}`);
  });
  if (createHash('sha256').update(bytes).digest('hex') === sha256) return bytes;
  throw new Error('The checkpoint is damaged: the checksum of an artifact does not match.');
}
