import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { CliError } from '../../../cli/command.ts';
import { contextRefOf, shownRef } from '../../../cli/commands/context/common.ts';
import { quoted } from '../../../cli/commands/context/set.ts';
import { parseValue } from '../../../cli/commands/context/value.ts';
import { historyLines } from '../../../cli/context-history.ts';
import { conflictLines, contextDiffLines, contextLines, keyLines, secretsAt } from '../../../cli/context-lines.ts';
import { readStandardInput } from '../../../cli/standard-input.ts';
import type { Client } from '../../../src/client/client.ts';
import { taskIdOf } from '../../../src/protocol/common/ids.ts';
import { Context, ContextChange, type ContextWriter } from '../../../src/protocol/context/context.ts';
import { ContextConflict } from '../../../src/protocol/context/merge.ts';

const SESSION = '0198c2f0-1a2b-8c3d-9e4f-5a6b00000000';
const AGENT = 'fd22dc44-37f6-4dd7-bd18-01a33124389a';
const AGENTS = new Map([[AGENT, 'AGENT-ONE']]);
const NOW = Date.parse('2026-11-22T15:07:00.000Z');
const example = <T>(schema: { meta(): unknown }) => (schema.meta() as { example: T }).example;
const context = example<Context>(Context());
const change = example<ContextChange>(ContextChange());
const NAMES = { agents: AGENTS, contexts: new Map([[context.id, 'global.plan']]) };
const by: ContextWriter = { token_id: 'x', agent_id: AGENT, task_id: taskIdOf(SESSION, 2), epoch: 3 };

describe('a context in the terminal', () => {
  it('is shown with its version, and when which agent has written it for which task', () => {
    expect(contextLines({ ...context, data: { a: '\u001b[31mred' }, updated_by: by }, 'global', NAMES, NOW)).toEqual([
      'global  version 2, changed 2m ago by AGENT-ONE, task 2, epoch 3',
      '{',
      // JSON has escaped what would color it.
      '  "a": "\\u001b[31mred"',
      '}',
    ]);
  });

  it('shows a text as it is, without what would move the cursor', () => {
    const key = { id: context.id, path: '/notes', value: 'one\n\u001b[2Jtwo', version: 4 };
    const changed = { version: 3, at: '2026-11-22T15:05:00.000Z', by: AGENT };
    expect(keyLines({ ...key, changed }, [], AGENTS, NOW)).toEqual([
      '/notes  version 4, changed with version 3 2m ago by AGENT-ONE',
      'one',
      'two',
    ]);
    expect(keyLines({ ...key, changed: { ...changed, by: 'static' } }, [], AGENTS, NOW)[0]).toContain(
      'by the admin token',
    );
  });

  it('says of a secret that it is one, and names what it links to', () => {
    const secret = { ...context, secret_paths: ['/token'], links: [{ id: context.id, keys: null }] };
    const lines = contextLines(secret, 'global', NAMES, NOW);
    expect(lines.slice(-2)).toEqual(['! /token is secret', '· links to global.plan']);
    expect(secretsAt('/a/b', ['/a', '/a/b', '/a/b/c', '/a/bc', '/d'])).toEqual(['/a', '/a/b', '/a/b/c']);
    const key = { id: context.id, path: '/token', value: 'x', version: 1 };
    const changed = { version: 1, at: '2026-11-22T15:05:00.000Z', by: AGENT };
    expect(keyLines({ ...key, changed }, ['/token'], AGENTS, NOW).at(-1)).toBe('! /token is secret');
  });

  it('has a history with who, when and what, from its first version on', () => {
    const first = { ...change, version: 1, data: { old: 1, notes: 'none' } };
    const added = { ...change, merged: [{ id: context.id, version: 7 }] };
    const removed = { ...change, version: 3, edits: [{ path: '/old' }, { path: '/build/status', value: 'red' }], by };
    const marked = { ...change, version: 4, edits: [] };
    expect(historyLines([marked, removed, added], first, true, NAMES, NOW)).toEqual([
      'version 4  2m ago, the admin token',
      '  a place was marked as secret',
      'version 3  2m ago, AGENT-ONE, task 2, epoch 3',
      '  - /old  removed',
      '  ~ /build/status  "red"',
      'version 2  2m ago, the admin token, merged from version 7 of global.plan',
      '  + /build/status  "green"',
      'version 1  2m ago, the admin token',
      '  + /old  1',
      '  + /notes  "none"',
    ]);
    const kept = historyLines([], { ...first, version: 5 }, true, NAMES, NOW);
    expect(kept[0]).toBe('version 5  2m ago, the admin token, the oldest version that is kept');
    const edits = Array.from({ length: 25 }, (_, n) => ({ path: `/${n}`, value: n }));
    expect(historyLines([{ ...change, version: 9, edits }], first, false, NAMES, NOW).at(-1)).toBe(
      '  … 5 more places; --json shows all',
    );
  });

  it('differs by path, from the old value to the new one', () => {
    const added = [{ path: '/b', value: [] }];
    const changed = [{ path: '/c', old: 1, new: '1' }];
    expect(contextDiffLines({ added, changed, removed: [{ path: '/a', value: { x: 1 } }] })).toEqual([
      '  - /a  {"x":1}',
      '  + /b  []',
      '  ~ /c  1 → "1"',
    ]);
    expect(contextDiffLines({ added: [], changed: [], removed: [] })).toEqual(['· no difference']);
  });

  it('shows both sides of its conflicts, and the command that decides', () => {
    const { source: _, ...gone } = example<ContextConflict>(ContextConflict());
    const lines = conflictLines([gone], 'global', new Map([[gone.source_id, 'global.plan']]));
    expect(lines.slice(0, 3)).toEqual(['! 1 conflict waits', '  1  /build/status', '     current: "green"']);
    expect(lines[3]).toContain('source:  (nothing)  from version 2 of global.plan');
    expect(lines.at(-1)).toContain('context resolve global <number> current|source');
  });
});

describe('the name of a context', () => {
  const client = {
    sessions: {
      async *each() {
        yield { id: SESSION };
      },
    },
    agents: { list: async () => [{ id: AGENT, name: 'AGENT-ONE' }] },
  } as unknown as Client;

  it.each([
    ['0198c2f0', `session.${SESSION}`],
    [SESSION.toUpperCase(), `session.${SESSION}`],
    ['session.0198c2f0.plan', `session.${SESSION}.plan`],
    ['agent.one', `agent.${AGENT}`],
    [`agent.${AGENT}.notes`, `agent.${AGENT}.notes`],
    ['global', 'global'],
    ['global.notes', 'global.notes'],
    [context.id, context.id],
  ])('%s is %s', async (text, ref) => {
    expect(await contextRefOf(client, text)).toBe(ref);
  });

  it.each(['global.LoWer', 'session.0198c2f0.Plan', 'global.'])(
    '%s is refused, and no other one taken',
    async (text) => {
      await expect(contextRefOf(client, text)).rejects.toThrow('lower-case letters');
    },
  );

  it('says what to give if it is none', async () => {
    await expect(contextRefOf(client, 'nothing')).rejects.toThrow('Give session.<session>, agent.<agent> or global');
  });

  it('is an address that commands take, if the context has one', () => {
    expect(shownRef(context)).toBe(`session.${SESSION}`);
    expect(shownRef({ ...context, name: 'plan' }, (id) => id.slice(0, 8))).toBe('session.0198c2f0.plan');
    expect(shownRef({ ...context, scope: 'temporary' })).toBe(context.id);
  });
});

describe('a value on the command line', () => {
  it.each([
    ['green', 'green'],
    ['3', 3],
    ['-5', -5],
    ['null', null],
    ['{"a":[]}', { a: [] }],
    ['"3"', '3'],
  ])('%j is %j', (given, value) => {
    expect(parseValue(given, false)).toEqual(value);
  });

  it('that begins like JSON is no text by mistake', () => {
    expect(() => parseValue('{status: green}', false)).toThrow(CliError);
    expect(parseValue('{status: green}', true)).toBe('{status: green}');
    expect(parseValue('3', true)).toBe('3');
  });

  it.each(['1e999', '{"n":1e999}', '12345678901234567890', '["\\ud800"]'])(
    '%s is refused, because another value would come of it',
    (given) => {
      expect(() => parseValue(given, false)).toThrow(CliError);
      expect(parseValue(given, true)).toBe(given);
    },
  );

  it('is an empty text only if it was said to be a text', () => {
    expect(parseValue('', true)).toBe('');
    expect(() => parseValue('', false)).toThrow('--text');
  });

  it('of standard input is refused if it is no UTF-8', async () => {
    expect(await readStandardInput(Readable.from([Buffer.from('caf\u00e9\n')]))).toBe('caf\u00e9\n');
    await expect(readStandardInput(Readable.from([Buffer.from('caf\u00e9', 'latin1')]))).rejects.toThrow('UTF-8');
  });

  it('is one word in a command that an error suggests', () => {
    expect(quoted('build/status')).toBe('build/status');
    expect(quoted('it is "Ann\'s"')).toBe(`'it is "Ann'\\''s"'`);
    expect(quoted('')).toBe("''");
  });
});
