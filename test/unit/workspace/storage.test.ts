import { describe, expect, it } from 'vitest';
import { socketIdAt } from '../../../src/ports/workspace.ts';
import { ERROR_CODES } from '../../../src/protocol/common/errors.ts';
import { MAX_REVOKED_TOKENS } from '../../../src/protocol/common/limits.ts';
import { everyStatement } from '../../support/every-statement.ts';
import { NodePlatform } from '../../support/node-platform.ts';
import { valueIn } from '../../support/value-in.ts';
import { WorkspaceInProcess } from '../../support/workspace-in-process.ts';
import { callIn, PLACE, TOKEN_REQUEST } from '../ports/workspace.contract.ts';

/** A workspace with one token that has a socket. */
function setup(platform: NodePlatform) {
  const object = new WorkspaceInProcess({ platform });
  const token = valueIn(object.runtime.createToken(callIn('default'), TOKEN_REQUEST));
  object.runtime.recordSocket(token.id, 's1', PLACE);
  return { object, token };
}

describe('each change of the workspace is atomic', () => {
  const mutations: [name: string, mutate: (subject: ReturnType<typeof setup>) => unknown][] = [
    ['createToken', ({ object }) => object.runtime.createToken(callIn('default', 'k'), TOKEN_REQUEST)],
    ['revokeToken', ({ object, token }) => object.runtime.revokeToken(callIn('default'), token.id)],
    [
      'redeemCode',
      ({ object }) =>
        object.runtime.redeemCode(callIn('default', 'c'), {
          id: 'c',
          expires_at: object.platform.now() + 600_000,
          role: 'viewer',
          by: null,
        }),
    ],
    ['claimBulk', ({ object }) => object.runtime.claimBulk(callIn('default', 'b'))],
    [
      'storeBulk',
      ({ object }) => object.runtime.storeBulk(callIn('default', 'b'), { items: [], succeeded: 0, failed: 0 }),
    ],
    [
      'recordSocket',
      ({ object, token }) => object.runtime.recordSocket(token.id, 's2', { kind: 'agent_registry', id: 'default' }),
    ],
    ['forgetSocket', ({ object, token }) => object.runtime.forgetSocket(token.id, 's1')],
  ];

  it.each(mutations)('%s', async (_name, mutate) => {
    expect(await everyStatement(setup, mutate)).toBeGreaterThan(1);
  });

  it('the first change, which creates the tables', async () => {
    const steps = await everyStatement(
      (platform) => new WorkspaceInProcess({ platform }),
      (object) => object.runtime.createToken(callIn('default'), TOKEN_REQUEST),
    );
    expect(steps).toBeGreaterThan(5);
  });
});

it('neither revoked tokens nor sign-ins count as tokens', () => {
  const { runtime, platform } = new WorkspaceInProcess();
  const code = (id: string) => ({ id, expires_at: platform.now() + 600_000, role: 'viewer', by: null }) as const;
  const create = () => runtime.createToken(callIn('default'), TOKEN_REQUEST);
  valueIn(runtime.redeemCode(callIn('default'), code('c')));
  const made = Array.from({ length: 1_000 }, () => valueIn(create()));
  expect(create()).toMatchObject({ failure: { code: 'limit_reached' } });
  valueIn(runtime.revokeToken(callIn('default'), made[0]!.id));
  valueIn(create());
  valueIn(runtime.redeemCode(callIn('default'), code('d')));
});

it('has room for tokens again when revoked ones expire, as the refusal and the catalogue say', async () => {
  const workspace = new WorkspaceInProcess();
  const { platform } = workspace;
  const create = () => workspace.runtime.createToken(callIn('default'), TOKEN_REQUEST);
  valueIn(workspace.runtime.revokeToken(callIn('default'), valueIn(create()).id));
  platform.exec(
    `WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
     INSERT INTO tokens (id, name, role, created_at, expires_at, revoked_at)
     SELECT 'revoked-' || i, name, role, created_at, expires_at, revoked_at FROM n, (SELECT * FROM tokens)`,
    [MAX_REVOKED_TOKENS],
  );
  const full = { code: 'limit_reached', detail: expect.stringContaining('Wait until some expire') };
  expect(create()).toMatchObject({ failure: full });
  const { meaning, remedy } = ERROR_CODES.limit_reached;
  expect(meaning).toContain('revoked tokens');
  expect(remedy).toContain('until it expires');
  await workspace.advance(TOKEN_REQUEST.expires_in_seconds * 1_000 + 1);
  valueIn(create());
});

describe('a token’s sockets', () => {
  const key = (tokenId: string) => `${tokenId}/${PLACE.kind}/${PLACE.id}`;

  it('are closed once for each object when it is revoked', async () => {
    const { object, token } = setup(new NodePlatform());
    object.runtime.recordSocket(token.id, 's2', PLACE);
    object.runtime.revokeToken(callIn('default'), token.id);
    object.runtime.revokeToken(callIn('default'), token.id);
    await object.advance(40_000);
    expect(object.closed).toEqual([key(token.id)]);
  });

  it('that have closed are forgotten', async () => {
    const { object, token } = setup(new NodePlatform());
    object.runtime.forgetSocket(token.id, 's1');
    expect(object.platform.dump()).toMatchObject({ sockets: [] });
    object.runtime.revokeToken(callIn('default'), token.id);
    await object.advance(10_000);
    expect(object.closed).toEqual([]);
  });

  it('of one object are closed although most of their closes were lost, and have few records', async () => {
    const { object, token } = setup(new NodePlatform());
    const ids = Array.from({ length: 500 }, (_, index) => socketIdAt(PLACE, `lost-${index}`));
    for (const id of ids) object.runtime.recordSocket(token.id, id, PLACE);
    expect((object.platform.dump().sockets as unknown[]).length).toBeLessThanOrEqual(52);
    for (const id of ids) object.runtime.forgetSocket(token.id, id);
    object.runtime.revokeToken(callIn('default'), token.id);
    await object.advance(5_000);
    expect(object.closed).toEqual([key(token.id)]);
  });

  it('are closed within seconds however many there are, and although one object is away', async () => {
    const { object, token } = setup(new NodePlatform());
    const ids = Array.from({ length: 1_000 }, (_, index) => `session-${index}`);
    for (const id of ids) object.runtime.recordSocket(token.id, id, { kind: 'session', id });
    object.away = ids[0]!;
    object.runtime.revokeToken(callIn('default'), token.id);
    await object.advance(5_000);
    expect(new Set(object.closed)).toEqual(
      new Set([key(token.id), ...ids.slice(1).map((id) => `${token.id}/session/${id}`)]),
    );
    object.away = false;
    await object.advance(10_000);
    expect(object.closed).toContain(`${token.id}/session/${ids[0]}`);
  });

  it('are deleted with it', async () => {
    const { object, token } = setup(new NodePlatform());
    object.runtime.revokeToken(callIn('default'), token.id);
    await object.advance(70_000);
    expect(object.platform.dump()).toMatchObject({
      tokens: [],
      sockets: [],
      deadlines: [{ due: '{}' }],
      $alarm: null,
    });
  });

  it('are closed when it expires', async () => {
    const { object, token } = setup(new NodePlatform());
    await object.advance(60_000);
    expect(object.closed).toEqual([key(token.id)]);
  });

  it('are closed when the objects that hold them can be reached again', async () => {
    const { object, token } = setup(new NodePlatform());
    object.away = true;
    object.runtime.revokeToken(callIn('default'), token.id);
    await object.advance(5_000);
    expect(object.closed).toEqual([]);
    object.away = false;
    await object.advance(10_000);
    expect(object.closed).toEqual([key(token.id)]);
  });

  it('are handled the same when the alarm runs twice', async () => {
    const { object, token } = setup(new NodePlatform());
    object.platform.clock += 60_000;
    object.platform.fireAlarm(() => object.runtime.alarm());
    object.platform.fireAlarm(() => object.runtime.alarm());
    await object.platform.settle();
    await object.advance(20_000);
    expect(object.closed).toEqual([key(token.id)]);
    expect(object.platform.alarm).toBeNull();
  });
});
