import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { completeLock, type Lock, platformOf, removeEngines } from '../../../scripts/complete-lock.ts';

const readOurLock = () => JSON.parse(readFileSync('package-lock.json', 'utf8')) as Lock;

describe('the platform in a package name', () => {
  it.each([
    ['@cloudflare/workerd-darwin-64', { os: ['darwin'], cpu: ['x64'] }],
    ['opencode-windows-x64', { os: ['win32'], cpu: ['x64'] }],
    ['@rolldown/binding-linux-arm64-musl', { os: ['linux'], cpu: ['arm64'], libc: ['musl'] }],
    ['@tailwindcss/oxide-linux-arm-gnueabihf', { os: ['linux'], cpu: ['arm'], libc: ['glibc'] }],
    ['@tailwindcss/oxide-win32-x64-msvc', { os: ['win32'], cpu: ['x64'] }],
    ['@tailwindcss/oxide-wasm32-wasi', { cpu: ['wasm32'] }],
    ['fsevents', { os: ['darwin'] }],
  ])('%s', (name, platform) => {
    expect(platformOf(name)).toEqual(platform);
  });
});

describe('completing a lock', () => {
  it('adds a missing platform package, and then changes nothing more', () => {
    const lock: Lock = {
      packages: { 'node_modules/tool': { dev: true, optionalDependencies: { 'tool-darwin-arm64': '1.2.3' } } },
    };
    expect(completeLock(lock)).toEqual(['node_modules/tool-darwin-arm64']);
    expect(lock.packages['node_modules/tool-darwin-arm64']).toEqual({
      version: '1.2.3',
      os: ['darwin'],
      cpu: ['arm64'],
      dev: true,
      optional: true,
    });
    expect(completeLock(lock)).toEqual([]);
  });

  it('nests a second version of a package under its dependent', () => {
    const lock: Lock = {
      packages: {
        'node_modules/tool': { optionalDependencies: { 'tool-linux-x64': '1.0.0' } },
        'node_modules/tool-linux-x64': { version: '2.0.0' },
      },
    };
    expect(completeLock(lock)).toEqual(['node_modules/tool/node_modules/tool-linux-x64']);
  });

  it('rejects an optional package whose name does not name a platform', () => {
    const lock: Lock = { packages: { 'node_modules/tool': { optionalDependencies: { extras: '1.0.0' } } } };
    expect(() => completeLock(lock)).toThrow('extras');
  });
});

describe('the engines in a lock', () => {
  it('are removed, except this project’s and those of packages with an install script', () => {
    const engines = { node: '>=22' };
    const lock: Lock = {
      packages: {
        '': { engines },
        'node_modules/tool': { version: '1.0.0', engines },
        'node_modules/native': { engines, hasInstallScript: true },
      },
    };
    expect(removeEngines(lock)).toEqual(['node_modules/tool']);
    expect(lock.packages).toEqual({
      '': { engines },
      'node_modules/tool': { version: '1.0.0' },
      'node_modules/native': { engines, hasInstallScript: true },
    });
  });
});

describe('this project’s lock', () => {
  it('has no engines that make npm warn on Node 20, which only runs npm', () => {
    expect(removeEngines(readOurLock())).toEqual([]);
  });

  it('has every platform package, so that `npm ci` accepts it on every platform', () => {
    expect(completeLock(readOurLock())).toEqual([]);
  });

  it('names no registry, so that it works with any registry', () => {
    expect(Object.values(readOurLock().packages).filter((entry) => 'resolved' in entry)).toEqual([]);
  });

  it('has one version of workerd, so that tests and npm start run the same one', () => {
    const places = Object.keys(readOurLock().packages).filter((place) => place.endsWith('node_modules/workerd'));
    expect(places).toEqual(['node_modules/workerd']);
  });
});
