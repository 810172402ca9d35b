import { describe, expect, it } from 'vitest';
import type * as z from 'zod';
import type { Schema } from '../../../src/protocol/common/schema.ts';
import { ENDPOINTS, endpointOf, paramsIn } from '../../../src/protocol/endpoints/endpoints.ts';
import {
  matchPath,
  methodsOf,
  type OperationId,
  type PathParams,
  pathOf,
  ROUTES,
} from '../../../src/protocol/endpoints/routes.ts';

const ids = Object.keys(ROUTES) as OperationId[];
const SESSION = '0198c2f0-1a2b-8c3d-9e4f-5a6b00000000';

describe('the routes of the API', () => {
  it('are exactly those of the table of endpoints', () => {
    expect(Object.keys(ENDPOINTS).sort()).toEqual([...ids].sort());
    const routes = ids.map((id) => `${ROUTES[id].method} ${ROUTES[id].path.replaceAll(/\{\w+\}/g, '{}')}`);
    expect(new Set(routes).size).toBe(routes.length);
  });

  it.each(ids)('parse the parameters that a path of %s was built from, with any characters', (id) => {
    const names = [...ROUTES[id].path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!);
    for (const value of [SESSION, 'a/b', '%2F', '?x=1#y', '..', ' ', 'größe', '💥', '\u0000']) {
      const params = Object.fromEntries(names.map((name) => [name, value]));
      // The operations have different parameters, so their types are unknown here.
      const path = (pathOf as (id: OperationId, params: object) => string)(id, params);
      expect(matchPath(id, path)).toEqual(params);
      expect(matchPath(id, `${path}/`)).toEqual(params);
    }
  });

  it('do not match other paths', () => {
    const params = { task_id: 'a', epoch: '1' } satisfies PathParams<'openRunSocket'>;
    const path = pathOf('openRunSocket', params);
    for (const other of [`${path}/x`, path.slice(1), path.replace('/1', '//'), path.replace('leases', 'lease'), '/']) {
      expect(matchPath('openRunSocket', other), other).toBeNull();
    }
  });

  it('that answer with a list answer with pages: a cursor in the query, and the next page in the Link header', () => {
    const shapeOf = (schema: Schema | undefined) => (schema?.() as z.ZodObject | undefined)?.shape ?? {};
    const lists = ids.filter((id) => {
      const { method } = ROUTES[id];
      return method === 'GET' && 'items' in shapeOf(endpointOf(id).responses[200]?.schema);
    });
    expect(lists).toContain('listTokens');
    for (const id of lists) {
      const { query, responses } = endpointOf(id);
      const isLog = id === 'listEvents';
      expect(Object.keys(shapeOf(query)), id).toContain(isLog ? 'after' : 'cursor');
      expect(Object.keys(shapeOf(responses[200]?.schema)), id).toContain(isLog ? 'cursor' : 'next_cursor');
      expect(responses[200]?.optionalHeaders, id).toHaveProperty('Link');
    }
  });

  it('parse parameters with their schemas', () => {
    const task_id = SESSION.replace(/0$/, '1');
    expect(paramsIn('openRunSocket', `/ws/leases/${task_id}/7/`)).toEqual({ task_id, epoch: '7' });
    expect(paramsIn('openRunSocket', `/ws/leases/${SESSION}/7`), 'no task').toBeNull();
    expect(paramsIn('openRunSocket', `/ws/leases/${task_id}/0`), 'no epoch').toBeNull();
    expect(paramsIn('openRunSocket', `/ws/sessions/${SESSION}`), 'another operation').toBeNull();
  });

  it('leave a segment unchanged that is not UTF-8', () => {
    expect(matchPath('readSession', '/api/v1/sessions/%E0%A4%A')).toEqual({ id: '%E0%A4%A' });
  });

  it('name the methods of a path', () => {
    expect(methodsOf('/api/v1/sessions').sort()).toEqual(['GET', 'POST']);
    expect(methodsOf(`/api/v1/sessions/${SESSION}/`).sort()).toEqual(['DELETE', 'GET', 'PATCH']);
    expect(methodsOf('/api/v1/nothing')).toEqual([]);
  });
});
