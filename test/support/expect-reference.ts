import { expect } from 'vitest';
import { VERSION } from '../../src/configuration/version.ts';
import { OPERATION_IDS } from '../../src/protocol/endpoints/endpoints.ts';

/** Checks that a control plane serves the reference that its build has written, and does not let caches keep it. */
export async function expectReference(url: string): Promise<void> {
  const read = async (path: string, type: string) => {
    const response = await fetch(url + path, { headers: { 'If-None-Match': '*' } });
    const { status, headers } = response;
    expect([path, status, headers.get('Content-Type'), headers.get('ETag')]).toEqual([path, 200, type, null]);
    expect((await fetch(url + path, { method: 'HEAD' })).status).toBe(200);
    return { headers, text: await response.text() };
  };
  expect(JSON.parse((await read('/openapi.json', 'application/json')).text)).toMatchObject({
    info: { version: VERSION },
  });
  const page = await read('/docs', 'text/html; charset=utf-8');
  for (const id of OPERATION_IDS) expect(page.text).toContain(`<code>${id}</code>`);
  expect(page.headers.get('Content-Security-Policy')).toContain("default-src 'self'");
  expect((await read('/docs/style.css', 'text/css; charset=utf-8')).text).toContain('body {');
}
