import type { AppContext } from './context.ts';

/**
 * Names the next page in the `Link` header (RFC 8288): this request with another position.
 * @param position the value of `parameter`; null on the last page
 */
export function linkNext(c: AppContext, position: string | null, parameter: 'cursor' | 'after' = 'cursor'): void {
  if (position === null) return;
  const { pathname, searchParams } = new URL(c.req.url);
  searchParams.delete('page');
  searchParams.set(parameter, position);
  c.header('Link', `<${pathname}?${searchParams}>; rel="next"`);
}
