import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import type { Dependency } from '../../src/application/readiness.ts';
import { compose, effects } from '../../src/composition.ts';
import type { Readiness } from '../../src/protocol/system/readiness.ts';
import { appWith, ask } from './http-support.ts';

const up = async () => {};
const down = async () => {
  throw new Error('connect ECONNREFUSED 10.0.0.7 user=oio');
};

function dependency(name: Dependency['name'], check: (() => Promise<void>) | null): Dependency {
  return { name, probe: check && { name, required: name === 'objects', check } };
}

async function readinessOf(...readiness: Dependency[]) {
  const response = await appWith({ readiness }).ask('/ready');
  return { status: response.status, body: (await response.json()) as Readiness };
}

/** An application whose objects count their probes, under a clock of the test. */
function counted() {
  const state = { probes: 0, now: 0, isDown: false, hangs: false };
  const check = async () => {
    state.probes++;
    if (state.hangs) await new Promise<void>(() => {});
    if (state.isDown) throw new Error('down');
  };
  const readiness = [dependency('objects', check)];
  return { state, ...appWith({ readiness, effects: { ...effects, now: () => state.now } }) };
}

it('/health answers without a call to any dependency', async () => {
  const response = await ask('/health');
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual({ status: 'ok' });
});

describe('/ready', () => {
  it('is ready if all configured dependencies answer', async () => {
    const { status, body } = await readinessOf(dependency('objects', up), dependency('redis', null));
    expect(status).toBe(200);
    expect(body).toEqual({
      status: 'ready',
      dependencies: [
        { name: 'objects', status: 'ok' },
        { name: 'redis', status: 'not_configured' },
      ],
    });
  });

  it('is degraded with a 200 if only history or metrics are unavailable', async () => {
    const { status, body } = await readinessOf(dependency('objects', up), dependency('postgres', down));
    expect(status).toBe(200);
    expect(body).toMatchObject({ status: 'degraded', dependencies: [{ status: 'ok' }, { status: 'unavailable' }] });
  });

  it('is 503 when the objects cannot be reached', async () => {
    const { status, body } = await readinessOf(dependency('objects', down), dependency('postgres', up));
    expect(status).toBe(503);
    expect(body.status).toBe('unavailable');
  });

  it('does not wait for a dependency that hangs', async () => {
    const hangs = () => new Promise<void>(() => {});
    const { status, body } = await readinessOf(dependency('objects', up), dependency('postgres', hangs));
    expect(status).toBe(200);
    expect(body.dependencies[1]).toEqual({
      name: 'postgres',
      status: 'unavailable',
      detail: 'no answer within 2000 ms',
    });
  });

  it('asks the dependencies once for all requests of two seconds, however many there are', async () => {
    const { ask, state } = counted();
    for (let request = 0; request < 50; request++) expect((await ask('/ready')).status).toBe(200);
    expect(state.probes).toBe(1);
    state.isDown = true;
    state.now += 2_000;
    expect((await ask('/ready')).status).toBe(503);
    expect(state.probes).toBe(2);
  });

  it('answers as last time while another request asks, and asks again if that request was cut off', async () => {
    const { ask, state } = counted();
    await ask('/ready');
    state.now += 2_000;
    state.hangs = true;
    const asking = ask('/ready');
    expect((await ask('/ready')).status).toBe(200);
    expect(state.probes).toBe(2);
    state.now += 2_000;
    state.hangs = false;
    await ask('/ready');
    expect(state.probes).toBe(3);
    await asking;
  });

  it('does not reveal the driver’s error', async () => {
    const { body } = await readinessOf(dependency('objects', up), dependency('postgres', down));
    expect(JSON.stringify(body)).not.toContain('10.0.0.7');
  });

  it('probes the real objects, Postgres and Redis', async () => {
    const nobody = 'http://127.0.0.1:1';
    const { readiness } = compose({
      ...env,
      DATABASE_URL: 'postgres://oio:secret@nobody.test/oio',
      NEON_FETCH_ENDPOINT: `${nobody}/sql`,
      UPSTASH_REDIS_REST_URL: nobody,
      UPSTASH_REDIS_REST_TOKEN: 'token',
    });
    const { status, body } = await readinessOf(...readiness);
    expect(status).toBe(200);
    expect(body.status).toBe('degraded');
    expect(body.dependencies.map((state) => [state.name, state.status])).toEqual([
      ['objects', 'ok'],
      ['postgres', 'unavailable'],
      ['redis', 'unavailable'],
    ]);
  });
});
