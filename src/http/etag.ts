import type { AppContext } from './context.ts';

/** The entity tag of a version of a session. */
export function etagOf(version: number): string {
  return `"${version}"`;
}

/**
 * The versions that the request accepts (`If-Match`); undefined if it accepts any. What is no tag of ours matches no
 * version. A weak tag counts as well, because proxies that compress a response weaken its tag.
 */
export function expectedVersions(c: AppContext): number[] | undefined {
  const header = c.req.header('If-Match')?.trim();
  if (header === undefined || header === '*') return undefined;
  return [...header.matchAll(/"(\d{1,15})"/g)].map(([, version]) => Number(version));
}
