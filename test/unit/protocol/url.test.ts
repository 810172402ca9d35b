import { describe, expect, it } from 'vitest';
import { webSocketUrl, withoutTrailingSlash } from '../../../src/protocol/common/url.ts';

describe('the URL of a server', () => {
  it.each(['http://host:1', 'http://host:1/', 'http://host:1//'])('can end with slashes: %s', (url) => {
    expect(withoutTrailingSlash(url)).toBe('http://host:1');
    expect(webSocketUrl(url, '/ws/x')).toBe('ws://host:1/ws/x');
  });

  it('keeps its path and its encryption when it becomes the URL of a WebSocket', () => {
    expect(webSocketUrl('https://host/oio/', '/ws/x')).toBe('wss://host/oio/ws/x');
  });
});
