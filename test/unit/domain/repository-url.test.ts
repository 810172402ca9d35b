import { describe, expect, it } from 'vitest';
import { repositoryKey } from '../../../src/domain/repository-url.ts';

describe('the key of a repository’s URL', () => {
  it.each([
    'https://github.com/acme/web',
    'https://GitHub.com/acme/web.git',
    'https://user:secret@github.com/acme/web/',
    'ssh://git@github.com:22/acme/web.git',
    'git@github.com:acme/web.git',
    'github.com:acme/web',
    'github.com:/acme/web',
    'git://github.com/acme/web.git/',
  ])('is the same for %s', (url) => expect(repositoryKey(url)).toBe('github.com/acme/web'));

  it.each([
    ['/srv/git/web.git', '/srv/git/web'],
    ['file:///srv/git/web.git/', '/srv/git/web'],
    ['../web', '../web'],
    ['C:/work/web', 'C:/work/web'],
    ['https://example.com:3000/acme/web', 'example.com:3000/acme/web'],
    ['gcrypt::https://user:secret@example.com/acme/web', 'gcrypt/:https://example.com/acme/web'],
    ['https://github.com/acme/Web', 'github.com/acme/Web'],
  ])('of %s is %s', (url, key) => expect(repositoryKey(url)).toBe(key));
});
