import { describe, expect, it, test } from 'vitest';
import { readObjectSettings, readSetting, readSettings, SettingError } from '../../../src/configuration/read.ts';
import { namesOf, SETTINGS, type SettingName, settingOf } from '../../../src/configuration/settings.ts';

const SECRET = 's'.repeat(32);

const REFUSED: Partial<Record<SettingName, string[]>> = {
  PORT: ['abc', '-1', '65536', '80.5', '0x50', '1e3'],
  OIO_TOKEN: ['short', 'x'.repeat(31)],
  OIO_SIGNING_KEYS: ['k1:short', SECRET, `:${SECRET}`, `k:${SECRET},k:${SECRET}`, `a b:${SECRET}`, ','],
  DATABASE_URL: ['localhost:5432', 'mysql://host/db', 'nonsense'],
  UPSTASH_REDIS_REST_URL: ['redis://host', 'host.upstash.io'],
  OIO_LOG_LEVEL: ['verbose', 'INFO'],
  OIO_CORS_ORIGINS: ['https://a.test/', 'https://a.test/path', 'a.test', 'https://a.test,b'],
  OIO_LEASE_TTL_SECONDS: ['abc', '1', '4', '-5', '1e9', '3601', '60s', 'NaN', '9'.repeat(400)],
  OIO_URL: ['127.0.0.1:8787', 'ws://host'],
  OIO_LOG_FORMAT: ['xml'],
};

const ACCEPTED: [SettingName, string, unknown][] = [
  ['PORT', '0', 0],
  ['PORT', '65535', 65_535],
  ['OIO_TOKEN', ` ${SECRET}\n`, SECRET],
  [
    'OIO_SIGNING_KEYS',
    `new:${SECRET}, old:${SECRET}:`,
    [
      { id: 'new', secret: SECRET },
      { id: 'old', secret: `${SECRET}:` },
    ],
  ],
  ['DATABASE_URL', 'postgresql:///oio?host=/run/postgresql', 'postgresql:///oio?host=/run/postgresql'],
  ['UPSTASH_REDIS_REST_URL', 'https://x.upstash.io/', 'https://x.upstash.io'],
  ['OIO_LOG_LEVEL', 'debug', 'debug'],
  ['OIO_CORS_ORIGINS', 'https://a.test, http://localhost:5173', ['https://a.test', 'http://localhost:5173']],
  ['OIO_CORS_ORIGINS', '*', ['*']],
  ['OIO_LEASE_TTL_SECONDS', '5', 5],
  ['OIO_LEASE_TTL_SECONDS', '3600', 3_600],
  ['OIO_URL', 'http://127.0.0.1:8787/', 'http://127.0.0.1:8787'],
];

function problemWith(name: SettingName, value: string | undefined): SettingError {
  try {
    readSetting(name, { [name]: value });
  } catch (error) {
    if (error instanceof SettingError) return error;
  }
  throw new Error(`${name} took ${value}`);
}

describe('a setting', () => {
  it.each(ACCEPTED)('reads %s=%s', (name, text, value) => {
    expect(readSetting(name, { [name]: text })).toEqual(value);
  });

  it.each(Object.entries(REFUSED) as [SettingName, string[]][])(
    'rejects %s with one sentence that names the variable, what it must be, and an example',
    (name, texts) => {
      for (const text of texts) {
        const { message, requirement, variable } = problemWith(name, text);
        expect(variable).toBe(name);
        expect(message).toMatch(new RegExp(`^${name} must be .+, such as ${name}=`));
        expect(message).not.toContain('\n');
        expect(message.length).toBeLessThan(400);
        expect(requirement).not.toContain(JSON.stringify(text));
      }
    },
  );

  it('shows a rejected value, but never that of a secret', () => {
    expect(problemWith('OIO_LEASE_TTL_SECONDS', 'abc').message).toBe(
      'OIO_LEASE_TTL_SECONDS must be a whole number from 5 to 3600, such as OIO_LEASE_TTL_SECONDS=60, not "abc".',
    );
    expect(problemWith('OIO_TOKEN', 'hunter2').message).not.toContain('hunter2');
    expect(problemWith('DATABASE_URL', 'mysql://user:hunter2@host').message).not.toContain('hunter2');
  });

  it('counts as not set if it is empty or blank', () => {
    for (const text of [undefined, '', '  \n']) {
      expect(readSetting('OIO_LEASE_TTL_SECONDS', { OIO_LEASE_TTL_SECONDS: text })).toBe(60);
      expect(readSetting('OIO_TOKEN', { OIO_TOKEN: text })).toBeUndefined();
      expect(problemWith('OIO_SIGNING_KEYS', text).message).toMatch('it is not set');
    }
  });
});

describe('the table of settings', () => {
  const names = Object.keys(SETTINGS) as SettingName[];

  it.each(names)('gives %s an example and a default that are valid', (name) => {
    const { example, default: byDefault } = settingOf(name);
    const written = example.replace(/\$\(openssl[^)]*\)/, SECRET);
    for (const text of [written, ...(byDefault === undefined ? [] : [byDefault])]) {
      expect(readSetting(name, { [name]: text })).not.toBeUndefined();
    }
  });

  it('says for each setting of users what happens without it', () => {
    const silent = names.filter((name) => {
      const { internal, default: byDefault, otherwise } = settingOf(name);
      return !internal && byDefault === undefined && otherwise === undefined;
    });
    expect(silent).toEqual([]);
  });
});

describe('the objects', () => {
  it('use the default instead of an invalid value, so that they keep their alarms', () => {
    expect(readObjectSettings({ OIO_LEASE_TTL_SECONDS: 'abc' }).OIO_LEASE_TTL_SECONDS).toBe(60);
    expect(readObjectSettings({ OIO_LOG_LEVEL: 'verbose' }).OIO_LOG_LEVEL).toBe('info');
  });

  it('read the values that a deployment sets', () => {
    expect(readObjectSettings({ OIO_LEASE_TTL_SECONDS: '90' }).OIO_LEASE_TTL_SECONDS).toBe(90);
  });

  it('keep an invalid database URL, so that finished runs wait until it is corrected', () => {
    expect(readObjectSettings({ DATABASE_URL: 'nonsense' }).DATABASE_URL).toBe('nonsense');
  });
});

test('the Worker reads each of its settings, and refuses to start without signing keys', () => {
  expect(Object.keys(readSettings('worker', { OIO_SIGNING_KEYS: `k:${SECRET}` }))).toEqual(namesOf('worker'));
  expect(() => readSettings('worker', {})).toThrow('OIO_SIGNING_KEYS');
});
