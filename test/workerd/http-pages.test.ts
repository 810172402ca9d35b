import { describe, expect, it } from 'vitest';
import { ERROR_CODES } from '../../src/protocol/common/errors.ts';
import { appWith, ask, STATIC_TOKEN } from './http-support.ts';

const dashboard = appWith({
  assets: async (request) => new Response(`file ${new URL(request.url).pathname}`, { headers: { 'X-From': 'assets' } }),
});

describe('the dashboard', () => {
  it.each(['/', '/assets/app.js', '/sessions/some-view'])('is served at %s without a token', async (path) => {
    const response = await dashboard.ask(path);
    expect(await response.text()).toBe(`file ${path}`);
    expect(response.headers.get('X-From')).toBe('assets');
    expect(response.headers.get('X-Request-ID')).not.toBeNull();
  });

  it('is the answer to a path that is no file only if a page was asked for', async () => {
    const page = async () => new Response('<!doctype html>', { headers: { 'Content-Type': 'text/html' } });
    const { ask } = appWith({ assets: page });
    const status = async (path: string, accept?: string) =>
      (await ask(path, accept === undefined ? {} : { headers: { Accept: accept } })).status;
    expect(await status('/sessions/some-view', 'text/html,application/xhtml+xml,*/*;q=0.8')).toBe(200);
    expect(await status('/')).toBe(200);
    for (const path of ['/metrics', '/swagger.json', '/.well-known/x']) expect(await status(path, '*/*')).toBe(404);
    expect(await (await ask('/metrics')).json()).toMatchObject({ code: 'not_found' });
  });

  it('may load only from its own origin', async () => {
    const policy = (await dashboard.ask('/')).headers.get('Content-Security-Policy');
    expect(policy).toContain("default-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain('unsafe');
    expect(policy).not.toMatch(/https?:/);
  });
});

describe('the API reference', () => {
  it('loads no external files and runs no script', async () => {
    const response = await ask('/docs');
    expect(response.headers.get('Content-Security-Policy')).toContain("default-src 'self'");
    const page = await response.text();
    expect(page).not.toMatch(/<script|<img|<iframe|style="|https?:\/\/(?!opencode-industrial-orchestrator)/);
    const loaded = [...page.matchAll(/<link[^>]*href="([^"]*)"/g)].map(([, href]) => href);
    expect(loaded).toEqual(['/docs/style.css']);
    expect((await ask('/docs/style.css')).headers.get('Content-Type')).toContain('text/css');
  });

  it('names every route and every schema of the description', async () => {
    const page = await (await ask('/docs')).text();
    const document = (await (await ask('/openapi.json')).json()) as {
      paths: Record<string, object>;
      components: { schemas: Record<string, object> };
    };
    for (const path of Object.keys(document.paths)) expect(page).toContain(path);
    for (const name of Object.keys(document.components.schemas))
      expect(page).toContain(`id="schema-${name.toLowerCase()}"`);
  });

  it('has a target for each of its links', async () => {
    const page = await (await ask('/docs')).text();
    const ids = new Set([...page.matchAll(/id="([^"]+)"/g)].map(([, id]) => id));
    const broken = [...page.matchAll(/href="#([^"]+)"/g)].map(([, id]) => id).filter((id) => !ids.has(id));
    expect(broken).toEqual([]);
  });
});

describe('the catalogue of errors', () => {
  it('has a page for the type of every problem, for people and for programs', async () => {
    const { type } = (await (await ask('/api/v1/sessions')).json()) as { type: string };
    expect(type).toBe('/problems/unauthorized');
    expect(await (await ask(type)).json()).toMatchObject({ type, code: 'unauthorized', status: 401 });
    for (const code of Object.keys(ERROR_CODES)) {
      const page = await ask(`/problems/${code}`, { headers: { Accept: 'text/html' } });
      expect(page.status).toBe(200);
      expect(page.headers.get('Content-Security-Policy')).toContain("default-src 'self'");
      expect(await page.text()).toContain(`<h2><a href="/problems/${code}">${code}</a></h2>`);
    }
  });

  it('lists all errors', async () => {
    const { items } = (await (await ask('/problems')).json()) as { items: { code: string }[] };
    expect(items.map(({ code }) => code)).toEqual(Object.keys(ERROR_CODES));
    const page = await (await ask('/problems', { headers: { Accept: 'text/html' } })).text();
    for (const { code } of items) expect(page).toContain(`href="/problems/${code}"`);
  });

  it('knows no other path below it, not even for a browser', async () => {
    for (const path of ['/problems/x', '/problems/not_found/x', '/problems/toString']) {
      const response = await ask(path, { headers: { Accept: 'text/html' } });
      expect(response.status).toBe(404);
      expect(await response.json()).toMatchObject({ code: 'not_found' });
    }
  });
});

describe('other origins', () => {
  const preflight = (origin: string) =>
    ask('/api/v1/sessions', {
      method: 'OPTIONS',
      headers: {
        Origin: origin,
        'Access-Control-Request-Method': 'POST',
        'Access-Control-Request-Headers': 'authorization,content-type,idempotency-key',
      },
    });

  it('may call the API if they are configured, but never with ambient credentials', async () => {
    const response = await preflight('https://dashboard.test');
    expect(response.status).toBe(204);
    expect(response.headers.get('Access-Control-Allow-Origin')).toBe('https://dashboard.test');
    expect(response.headers.get('Access-Control-Allow-Credentials')).toBeNull();
    expect(response.headers.get('Access-Control-Allow-Headers')?.toLowerCase()).toContain('idempotency-key');
  });

  it('may not call the API if they are not configured', async () => {
    expect((await preflight('https://elsewhere.test')).headers.get('Access-Control-Allow-Origin')).toBeNull();
    const headers = { Origin: 'https://elsewhere.test' };
    const answer = await ask('/api/v1/tokens', { token: STATIC_TOKEN, headers });
    expect(answer.headers.get('Access-Control-Allow-Origin')).toBeNull();
  });

  it('can read why they were refused', async () => {
    const response = await ask('/api/v1/sessions', { headers: { Origin: 'https://dashboard.test' } });
    expect(response.status).toBe(401);
    expect(response.headers.get('Access-Control-Allow-Origin')).toBe('https://dashboard.test');
  });
});
