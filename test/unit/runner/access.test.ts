import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterEach, expect, test } from 'vitest';
import { AccessRefusedError, expiryWarning, judgeRejection, type Rejection } from '../../../runner/access.ts';
import { webSocketConnections } from '../../../runner/lease/connection.ts';

const URL = 'https://control.example';
let server: Server | undefined;
afterEach(() => server?.close());

/** A server that answers every upgrade with this response. @returns what a connection to it ends with */
async function upgradeAnsweredWith(
  status: number,
  contentType: string,
  body: string,
): Promise<{ reason: string; rejection: Rejection | undefined }> {
  server = createServer().on('upgrade', (_request: IncomingMessage, socket: Duplex) => {
    const head = `HTTP/1.1 ${status} No\r\ncontent-type: ${contentType}\r\ncontent-length: ${Buffer.byteLength(body)}`;
    socket.on('error', () => undefined).end(`${head}\r\n\r\n${body}`);
  });
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return closingOf(`http://127.0.0.1:${port}`);
}

function closingOf(url: string): Promise<{ reason: string; rejection: Rejection | undefined }> {
  return new Promise((resolve, reject) => {
    webSocketConnections(url, 'token')('/ws', {
      opened: () => reject(new Error('it opened')),
      received: () => undefined,
      closed: (reason, rejection) => resolve({ reason, rejection }),
    });
  });
}

test('a rejected upgrade tells the status and the control plane’s explanation', async () => {
  const problem = JSON.stringify({ code: 'unauthorized', status: 401, detail: 'The token was revoked.' });
  expect((await upgradeAnsweredWith(401, 'application/problem+json', problem)).rejection).toEqual({
    status: 401,
    detail: 'The token was revoked.',
  });
});

test.each([
  ['a page', 200, 'text/html', '<h1>Welcome</h1>'],
  ['other JSON', 404, 'application/json', '{"message":"no route"}'],
  ['a page of any length', 404, 'text/html', 'x'.repeat(1_000_000)],
])('an upgrade that another server answers with %s has no explanation', async (_what, status, contentType, body) => {
  expect((await upgradeAnsweredWith(status, contentType, body)).rejection).toEqual({ status, detail: null });
});

test('a server that cannot be reached is no rejection, and the reason is the system’s', async () => {
  const { reason, rejection } = await closingOf('http://127.0.0.1:1');
  expect([reason, rejection]).toEqual([expect.stringContaining('ECONNREFUSED'), undefined]);
});

test.each([
  ['a refused token', { status: 401, detail: 'revoked' }, true, 'oio -- token'],
  ['a token of another role', { status: 403, detail: 'role' }, true, 'not for agents'],
  ['another server at a new address', { status: 404, detail: null }, false, 'not a control plane'],
] as const)('%s ends the agent with a message that says what to do', (_what, rejection, isKnown, words) => {
  const verdict = judgeRejection(URL, rejection, isKnown);
  expect(verdict).toBeInstanceOf(AccessRefusedError);
  expect((verdict as Error).message).toContain(words);
});

test.each([
  ['a proxy’s page at an address that was a control plane', { status: 404, detail: null }, true],
  ['a proxy’s error at a new address', { status: 502, detail: null }, false],
  ['a fault of the control plane', { status: 503, detail: 'The object is overloaded.' }, true],
] as const)('%s makes the agent try again', (_what, rejection, isKnown) => {
  expect(judgeRejection(URL, rejection, isKnown)).toBeTypeOf('string');
});

test('the expiry of a token is announced a week ahead, and not for a text that is no token', async () => {
  const day = 86_400_000;
  const now = Date.parse('2026-11-22T15:04:00Z');
  const token = (exp: number) =>
    `e30.${Buffer.from(JSON.stringify({ exp: Math.floor(exp / 1_000) })).toString('base64url')}.x`;
  expect(expiryWarning(token(now + 8 * day), now)).toBeNull();
  expect(expiryWarning(token(now + 6 * day), now)).toContain('expires at 2026-11-28 15:04 UTC');
  for (const text of ['', 'a-static-secret', 'a.b.c', `a.${Buffer.from('null').toString('base64url')}.c`]) {
    expect(expiryWarning(text, now)).toBeNull();
  }
});
