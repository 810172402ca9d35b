/**
 * Serves the dashboard's files from workerd's `disk` service, which supports neither content types nor single-page
 * applications. On Cloudflare, the platform's static assets do this.
 */
const contentTypes = {
  css: 'text/css; charset=utf-8',
  html: 'text/html; charset=utf-8',
  ico: 'image/x-icon',
  js: 'text/javascript; charset=utf-8',
  json: 'application/json',
  map: 'application/json',
  png: 'image/png',
  svg: 'image/svg+xml',
  txt: 'text/plain; charset=utf-8',
  webmanifest: 'application/manifest+json',
  woff2: 'font/woff2',
};

/** Vite puts a hash of the content into each file name below this path, so the content of a name never changes. */
const hashedFiles = '/assets/';

export default {
  async fetch(request, env) {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return new Response(null, { status: 405, headers: { allow: 'GET, HEAD' } });
    }
    const wanted = new URL(request.url).pathname;
    const path = wanted.endsWith('/') ? '/index.html' : wanted;
    // As on Cloudflare, a page has no extension in its address.
    const found =
      (await read(env.DISK, path, request.method)) ?? (await read(env.DISK, `${path}.html`, request.method));
    // Any other path is a page of the application, whose router reads it in the browser.
    return found ?? (await read(env.DISK, '/index.html', request.method)) ?? new Response(null, { status: 404 });
  },
};

async function read(disk, path, method) {
  const response = await disk.fetch(new Request(`http://disk${path}`, { method }));
  const type = contentTypes[path.slice(path.lastIndexOf('.') + 1)];
  // For a directory, `disk` responds with a JSON listing, which is not a file of the application.
  if (!response.ok || !path.includes('.')) return undefined;
  const headers = new Headers(response.headers);
  headers.set('content-type', type ?? 'application/octet-stream');
  headers.set('cache-control', path.startsWith(hashedFiles) ? 'public, max-age=31536000, immutable' : 'no-cache');
  headers.set('x-content-type-options', 'nosniff');
  return new Response(response.body, { status: response.status, headers });
}
