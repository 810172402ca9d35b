import { describe, expect, it } from 'vitest';
import { pathOf, pointerOf } from '../../../../src/domain/context/edits.ts';
import { marksMoved, marksOf, marksWithin, mask, maskIn, shownPlace } from '../../../../src/domain/context/secrets.ts';

const DATA = { token: 'x', creds: { user: 'a' }, list: [{ id: 'b', pin: 1 }], plain: { n: 1 } };

describe('a mask', () => {
  it.each([
    [['/token'], '', { ...DATA, token: '[secret]' }],
    [['/creds/user'], '', { ...DATA, creds: { user: '[secret]' } }],
    [['/creds/user'], '/creds', { user: '[secret]' }],
    [['/creds'], '/creds/user', '[secret]'],
    [['/list/0/pin'], '', { ...DATA, list: '[secret]' }],
    [['/list/b/pin'], '/list/0', '[secret]'],
    [['/list/b/pin'], '', { ...DATA, list: '[secret]' }],
    [['/missing/at/all'], '', DATA],
    [['/tok'], '/token', 'x'],
    [['/plain/n/deeper'], '/plain', { n: 1 }],
  ])('of %j at “%s” leaves %j', (paths, place, shown) => {
    const value = pathOf(place).reduce<unknown>((at, name) => (at as Record<string, unknown>)[name], DATA);
    expect(mask(value as never, pathOf(place), marksOf(paths), DATA)).toEqual(shown);
  });

  it('shows a place in a secret as the secret, so that no name in it is shown', () => {
    const shown = (place: string, ...marks: string[]) => pointerOf(shownPlace(pathOf(place), marksOf(marks), DATA));
    expect(shown('/creds/user', '/creds')).toBe('/creds');
    expect(shown('/list/0', '/list/b/pin')).toBe('/list');
    expect(shown('/creds', '/creds/user')).toBe('/creds');
    expect(shown('/plain/n', '/creds')).toBe('/plain/n');
  });
});

describe('marks', () => {
  it('are of places with or without a slash, of arrays as a whole, and never of the root', () => {
    expect(marksOf(['a/b', '/c', '/steps/0/token', 'steps/-', '/0/x'])).toEqual([
      '/a/b',
      '/c',
      '/steps',
      '/steps',
      '/0/x',
    ]);
  });

  it('go with the values of the places that are given away', () => {
    expect(marksWithin(['/a/b', '/c'], null)).toEqual(['/a/b', '/c']);
    expect(marksWithin(['/a/b', '/c'], ['/a', '/d'])).toEqual(['/a/b']);
    expect(marksWithin(['/a'], ['/a/b/c'])).toEqual(['/a/b/c']);
  });

  it('go with the values that a JSON Patch copies and moves, also in several steps', () => {
    const operations = [
      { op: 'copy', from: '/a', path: '/b' },
      { op: 'move', from: '/b/token', path: '/c/d' },
      { op: 'copy', from: '/c/d', path: '/list/-' },
      { op: 'move', from: '/plain', path: '/other' },
    ] as const;
    expect(marksMoved(['/a/token'], operations)).toEqual(['/b/token', '/c/d', '/list']);
    expect(marksMoved(['/a'], [{ op: 'copy', from: '/a/token', path: '/e' }])).toEqual(['/e']);
  });

  it('find a mask that would be written over a secret', () => {
    expect(maskIn([{ path: '/a', value: { token: '[secret]' } }], ['/a/token'])).toBe('/a/token');
    expect(maskIn([{ path: '/a', value: { token: 'new' } }], ['/a/token'])).toBeUndefined();
    expect(maskIn([{ path: '/a/token/x', value: '[secret]' }], ['/a/token'])).toBe('/a/token');
    expect(maskIn([{ path: '/b', value: '[secret]' }], ['/a/token'])).toBeUndefined();
    expect(maskIn([{ path: '/a/token' }], ['/a/token'])).toBeUndefined();
  });
});
