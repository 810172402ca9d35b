import type { MiddlewareHandler } from 'hono';
import type { AppEnv } from '../context.ts';

/** Pages load from our own origin alone; `data:` is for the small images and fonts that a bundler puts inline. */
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
  // Answers hold what only this caller may see, tokens among it.
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
};

/** Sets the headers of the API on the response as it is: `c.header` would copy the response for each. */
export const apiHeaders: MiddlewareHandler<AppEnv> = async function setApiHeaders(c, next) {
  await next();
  const { headers } = c.res;
  for (const [name, value] of Object.entries(API_HEADERS)) headers.set(name, value);
};

/** A copy of a page's answer with the headers that keep it to our own origin. */
export function asPage(response: Response): Response {
  const page = new Response(response.body, response);
  for (const [name, value] of Object.entries(PAGE_HEADERS)) page.headers.set(name, value);
  return page;
}
