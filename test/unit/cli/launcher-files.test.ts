import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DataDirectory } from '../../../cli/data-directory.ts';
import { agentCommand } from '../../../cli/launcher/agent.ts';
import { isStale } from '../../../cli/launcher/build.ts';
import { LogFile, toLogLine } from '../../../cli/launcher/log-file.ts';
import { isNeon, planPostgres } from '../../../cli/launcher/postgres.ts';
import { readCompatibility } from '../../../cli/launcher/project.ts';
import { workerVariables } from '../../../cli/launcher/stack.ts';
import { objectClasses, workerdConfig } from '../../../cli/launcher/workerd-config.ts';

let scratch: string;
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'oio-files-'));
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

describe('workerd’s configuration', () => {
  const config = workerdConfig({
    port: 8787,
    compatibilityDate: '2026-11-01',
    compatibilityFlags: ['some_flag'],
    dashboardDirectory: '/data "quoted"/dashboard',
    storageDirectory: '/data/objects',
    variables: ['OIO_TOKEN'],
  });

  it('binds only loopback', () => {
    expect(config).toContain('address = "127.0.0.1:8787"');
  });

  it('names secrets, and reads their values from the environment', () => {
    expect(config).toContain('(name = "OIO_TOKEN", fromEnvironment = "OIO_TOKEN")');
  });

  it('quotes paths', () => {
    expect(config).toContain('path = "/data \\"quoted\\"/dashboard"');
  });

  it('binds every object class of wrangler.toml', () => {
    const toml = readFileSync('wrangler.toml', 'utf8');
    const declared = [...toml.matchAll(/^name = "(\w+)"\nclass_name = "(\w+)"/gm)];
    expect(declared.map(([, binding, className]) => ({ binding, className }))).toEqual(
      objectClasses.map(({ binding, className }) => ({ binding, className })),
    );
  });
});

it('the launcher passes every given Worker setting to workerd, and no other variable', () => {
  const settings = { OIO_CORS_ORIGINS: 'https://a.test', OIO_LEASE_TTL_SECONDS: '90', UPSTASH_REDIS_REST_TOKEN: 't' };
  const variables = workerVariables({ ...settings, PORT: '1', OIO_AGENT_TOKEN: 'agent', ANTHROPIC_API_KEY: 'model' });
  expect(Object.fromEntries(Object.entries(variables).filter(([, text]) => text !== undefined))).toEqual(settings);
});

it('workerd gets the deployed Worker’s compatibility date and flags', () => {
  expect(readCompatibility('compatibility_date = "2026-11-01"\ncompatibility_flags = ["a", "b"]\n')).toEqual({
    date: '2026-11-01',
    flags: ['a', 'b'],
  });
  expect(readCompatibility().date).toMatch(/^\d{4}-\d\d-\d\d$/);
});

describe('the build', () => {
  const write = (name: string, seconds: number) => {
    const path = join(scratch, name);
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, '');
    utimesSync(path, seconds, seconds);
    return path;
  };

  it('is stale if and only if a result is missing or a source at any depth is newer', () => {
    const result = write('dist/worker.js', 100);
    const sources = [join(scratch, 'src')];
    write('src/deep/inside.ts', 50);
    expect(isStale(sources, [result])).toBe(false);
    expect(isStale(sources, [result, join(scratch, 'dist/absent.html')])).toBe(true);
    write('src/deep/inside.ts', 150);
    expect(isStale(sources, [result])).toBe(true);
  });
});

describe('log files', () => {
  const source = { process: 'worker', stream: 'stdout', time: '2026-11-22T15:04:05.678Z' } as const;

  it('keep a JSON line unchanged, and wrap any other text', () => {
    expect(toLogLine('{"message":"hi","level":"error"}', source)).toMatchObject({ message: 'hi', level: 'error' });
    expect(toLogLine('boom', { ...source, stream: 'stderr' })).toMatchObject({ message: 'boom', level: 'warn' });
    expect(toLogLine('{broken', source)).toMatchObject({ message: '{broken', process: 'worker' });
  });

  it('exist from the start, readable by their owner only, even if the process writes nothing', () => {
    const { path } = new LogFile(join(scratch, 'logs', 'postgres.log'));
    expect(readFileSync(path, 'utf8')).toBe('');
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('keep the lines of an earlier start', () => {
    const path = join(scratch, 'logs', 'worker.log');
    for (const n of [1, 2]) new LogFile(path).write({ ...toLogLine('line', source), n });
    expect(readFileSync(path, 'utf8').trim().split('\n')).toHaveLength(2);
  });

  it('keep one older part, and never more than two parts', () => {
    const log = new LogFile(join(scratch, 'logs', 'worker.log'));
    const filler = 'x'.repeat(1024 * 1024);
    for (let n = 0; n < 40; n += 1) log.write({ ...toLogLine('line', source), n, filler });
    const numbers = (path: string) =>
      readFileSync(path, 'utf8')
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { n: number }).n);
    const kept = [...numbers(`${log.path}.1`), ...numbers(log.path)];
    expect(kept.at(-1)).toBe(39);
    expect(kept).toEqual(kept.map((_, index) => (kept[0] ?? 0) + index));
    expect(kept.length).toBeLessThanOrEqual(32);
  });
});

describe('the plan for Postgres', () => {
  it('recognizes Neon by the host, and by nothing else in the connection string', () => {
    expect(isNeon('postgres://u:p@ep-cool.eu-central-1.aws.neon.tech/db')).toBe(true);
    expect(isNeon('postgres://u:p@localhost/x.neon.tech')).toBe(false);
    expect(isNeon('postgres://u:p@evilneon.tech.example/db')).toBe(false);
  });

  it('lets the Worker use Neon directly, and expects the process to exit with 0 after the migrations', async () => {
    const url = 'postgres://u:p@ep-cool.aws.neon.tech/db';
    const plan = await planPostgres(new DataDirectory(scratch), { DATABASE_URL: url, OIO_TOKEN: 't' });
    expect(plan.variables).toEqual({ DATABASE_URL: url });
    expect(plan.command).toMatchObject({ finalCodes: [0], env: { DATABASE_URL: url } });
  });

  it('puts a plain server behind the local endpoint, with a new password at each start', async () => {
    const env = { DATABASE_URL: 'postgres://u:p@db.example/x', OIO_TOKEN: 't' };
    const [first, second] = await Promise.all([1, 2].map(() => planPostgres(new DataDirectory(scratch), env)));
    expect(first?.variables.NEON_FETCH_ENDPOINT).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/sql$/);
    expect(first?.variables.DATABASE_URL).not.toContain('db.example');
    expect(first?.command.env.OIO_POSTGRES_PASSWORD).not.toBe(second?.command.env.OIO_POSTGRES_PASSWORD);
    expect(first?.command.env).not.toHaveProperty('OIO_TOKEN');
  });
});

it('the agent gets no token on its command line and no secret of the control plane', () => {
  const env = { OIO_TOKEN: 'admin', DATABASE_URL: 'x', UPSTASH_REDIS_REST_TOKEN: 'y', ANTHROPIC_API_KEY: 'model' };
  const agent = { directory: scratch, capacity: 2, labels: ['team=core'] };
  const command = agentCommand(
    agent,
    new DataDirectory(scratch),
    { url: 'http://127.0.0.1:1', token: 'secret-of-agent' },
    env,
  );
  expect(command.args.join(' ')).toContain('--label team=core');
  expect(command.args).not.toContain('secret-of-agent');
  expect(command.env).toEqual({
    ANTHROPIC_API_KEY: 'model',
    OIO_AGENT_TOKEN: 'secret-of-agent',
    OIO_LOG_FORMAT: 'json',
  });
});
