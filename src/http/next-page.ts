import type { AppContext } from './context.ts';

/**
 * Names the next page in the `Link` header (RFC 8288): this request with another position.
 * @param position the value of `parameter`; null on the last page
 */
export function linkNext(c: AppContext, position: string | null, parameter: 'cursor' | 'after' = 'cursor'): void {
  if (position === null) return;
  const searchParams = new URLSearchParams(c.req.url.split('?')[1]);
  searchParams.delete('page');
  searchParams.set(parameter, position);
  c.header('Link', `<${c.req.path}?${searchParams}>; rel="next"`);
}

/** Names the next page of a list, or of the log, whose body says where it continues. */
export function linkAfter(
  c: AppContext,
  body: { next_cursor?: string | null; cursor?: string; has_more?: boolean },
): void {
  if (body.next_cursor !== undefined) linkNext(c, body.next_cursor);
  else if (body.has_more) linkNext(c, body.cursor ?? null, 'after');
}
