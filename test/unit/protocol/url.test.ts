import { describe, expect, it } from 'vitest';
import { hasCredentials, webSocketUrl, withoutTrailingSlash } from '../../../src/protocol/common/url.ts';

describe('the URL of a server', () => {
  it.each(['http://host:1', 'http://host:1/', 'http://host:1//'])('can end with slashes: %s', (url) => {
    expect(withoutTrailingSlash(url)).toBe('http://host:1');
    expect(webSocketUrl(url, '/ws/x')).toBe('ws://host:1/ws/x');
  });

  it('keeps its path and its encryption when it becomes the URL of a WebSocket', () => {
    expect(webSocketUrl('https://host/oio/', '/ws/x')).toBe('wss://host/oio/ws/x');
  });
});

it.each([
  'https://user:secret@example.com/acme/web',
  'https://token@example.com/acme/web.git',
  'HTTPS://x-access-token:secret@example.com/acme/web',
  'https:\\\\user:secret@example.com/acme/web',
  ' https://:secret@example.com/acme/web ',
  'ssh://git:secret@example.com/acme/web',
  'user:secret@example.com:acme/web',
  'git://token@example.com/acme/web',
  'gcrypt::https://user:secret@example.com/acme/web',
  'https://user:secret@exa mple.com/acme/web',
  'https://example.com/acme/web?access_token=secret',
  'https://example.com/acme/web.git?ref=main&Private-Token=secret',
  'https://example.com/acme/web#api_key=secret',
  'https://example.com/acme/web?a=1;password=secret',
  'https://example.com/acme/web?X-Amz-Signature=abc',
  'https://example.com/acme/web?access%5Ftoken=secret',
  'https://exa mple.com/acme/web?access_token=secret',
])('the repository %s has credentials', (address) => {
  expect(hasCredentials(address)).toBe(true);
});

it.each([
  'https://example.com/acme/web.git',
  'https://example.com/acme/web@1.0',
  'git@example.com:acme/web.git',
  'ssh://git@example.com:22/acme/web.git',
  'git+ssh://git@example.com/acme/web.git',
  'file:///srv/web@work',
  '/srv/git/web@work',
  '../web@work',
  'C:\\code\\web@work',
  'https://example.com/acme/web?ref=main&tokens=many',
  'https://example.com/acme/token=x.git',
  'https://example.com/acme/web?access_token=',
])('the repository %s has none', (address) => {
  expect(hasCredentials(address)).toBe(false);
});
