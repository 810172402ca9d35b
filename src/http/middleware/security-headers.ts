import type { MiddlewareHandler } from 'hono';
import type { AppContext, AppEnv } from '../context.ts';

/** Pages load only from their own origin. `data:` is for small images and fonts that the bundler inlines. */
const PAGE_POLICY = [
  "default-src 'self'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ');

const PAGE_HEADERS = {
  'Content-Security-Policy': PAGE_POLICY,
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
};

const API_HEADERS = {
  // Caches must not store responses: they are only for the caller, and some contain tokens.
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
};

/** Sets the API's headers on the response itself, because `c.header` would copy the response for each header. */
export const apiHeaders: MiddlewareHandler<AppEnv> = async function setApiHeaders(c, next) {
  await next();
  const { headers } = c.res;
  for (const [name, value] of Object.entries(API_HEADERS)) headers.set(name, value);
};

/** A copy of a page's response with the security headers of pages. */
export function asPage(response: Response): Response {
  const page = new Response(response.body, response);
  for (const [name, value] of Object.entries(PAGE_HEADERS)) page.headers.set(name, value);
  return page;
}

/** Whether the client is a browser. To a program, such as a scraper of `/metrics`, a page would look like success. */
export function wantsPage(c: AppContext): boolean {
  return c.req.header('Accept')?.includes('text/html') ?? false;
}
