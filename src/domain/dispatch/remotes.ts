import { MAX_KEPT_REMOTES_BYTES, utf8Length } from '../../protocol/common/limits.ts';

/**
 * The remotes of a hello by which its agent is found. The first that fit into the limit are kept, each once and each as
 * a whole, because a request names a whole one. A hello may have many times as much, and a token a thousand agents.
 */
export function keptRemotes(remotes: readonly string[]): string[] {
  let left = MAX_KEPT_REMOTES_BYTES;
  return [...new Set(remotes)].filter((remote) => {
    const bytes = utf8Length(JSON.stringify(remote));
    if (bytes > left) return false;
    left -= bytes;
    return true;
  });
}
