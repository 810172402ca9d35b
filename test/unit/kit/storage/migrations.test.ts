import { expect, it } from 'vitest';
import { REGISTRY_SCHEMA } from '../../../../durable-objects/agent-registry/schema.ts';
import { CONTEXT_SCHEMA } from '../../../../durable-objects/context/schema.ts';
import { DIRECTORY_SCHEMA } from '../../../../durable-objects/directory/schema.ts';
import { buildKit, type ObjectKit } from '../../../../durable-objects/kit/runtime.ts';
import { KIT_STEPS, type MigrationStep } from '../../../../durable-objects/kit/storage/schema.ts';
import { SESSION_SCHEMA } from '../../../../durable-objects/session/schema.ts';
import { WORKSPACE_SCHEMA } from '../../../../durable-objects/workspace/schema.ts';
import { everyStatement } from '../../../support/every-statement.ts';
import { InjectedFault, NodePlatform } from '../../../support/node-platform.ts';
import { shapeOfTables } from '../../../support/shape-of-tables.ts';

const NOTES = { id: 'test/0001_notes', sql: 'CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL);' };
const AUTHORS = { id: 'test/0002_authors', sql: `ALTER TABLE notes ADD COLUMN author TEXT NOT NULL DEFAULT 'nobody';` };

function open(platform: NodePlatform, ...steps: MigrationStep[]): ObjectKit {
  return buildKit(platform, { object: 'Notebook', steps }, []);
}

function created(...steps: MigrationStep[]): NodePlatform {
  const platform = new NodePlatform();
  open(platform, ...steps).store.create(() => {});
  return platform;
}

/** The platform of an object that was created before the kit's newest step was added. */
function madeBefore(id: string): NodePlatform {
  const platform = created(NOTES);
  platform.transaction(() => {
    const [row] = platform.exec('SELECT applied FROM migrations', []);
    const { [id]: _, ...applied } = JSON.parse(String(row?.applied));
    platform.exec('UPDATE migrations SET applied = ?', [JSON.stringify(applied)]);
  });
  return platform;
}

it('a new object’s ledger of migrations is one row', () => {
  const platform = created(NOTES, AUTHORS);
  const { migrations } = platform.dump() as { migrations: { applied: string }[] };
  expect(migrations.map(({ applied }) => Object.keys(JSON.parse(applied)))).toEqual([
    [...KIT_STEPS.map(({ id }) => id), NOTES.id, AUTHORS.id],
  ]);
});

it('a new migration step is applied to an existing object and keeps its rows', () => {
  const platform = created(NOTES);
  open(platform, NOTES).store.transact(() => platform.exec(`INSERT INTO notes (text) VALUES ('kept')`, []));
  const { store } = open(platform, NOTES, AUTHORS);
  expect(store.rows('SELECT text, author FROM notes')).toEqual([{ text: 'kept', author: 'nobody' }]);
});

it('a new step of the kit is applied to an object that has already run its own steps', () => {
  const platform = madeBefore('kit/0002_idempotency');
  platform.transaction(() => platform.exec('DROP TABLE idempotency', []));
  open(platform, NOTES);
  expect(platform.dump()).toMatchObject({ idempotency: [] });
});

it('a function step runs once, on the rows of earlier steps', () => {
  let runs = 0;
  const capitals: MigrationStep = {
    id: 'test/0002_capitals',
    run(platform) {
      runs++;
      for (const { id, text } of platform.exec('SELECT id, text FROM notes', [])) {
        platform.exec('UPDATE notes SET text = ? WHERE id = ?', [String(text).toUpperCase(), id ?? null]);
      }
    },
  };
  const platform = created(NOTES);
  open(platform, NOTES).store.transact(() => platform.exec(`INSERT INTO notes (text) VALUES ('loud')`, []));
  open(platform, NOTES, capitals);
  const { store } = open(platform, NOTES, capitals);
  expect([runs, store.rows('SELECT text FROM notes')]).toEqual([1, [{ text: 'LOUD' }]]);
});

it('an object with an edited migration step does not start, and the error names step and class', () => {
  const platform = created(NOTES, AUTHORS);
  const edited = { ...AUTHORS, sql: AUTHORS.sql.replace('nobody', 'somebody') };
  expect(() => open(platform, NOTES, edited)).toThrow(/Notebook: the migration step test\/0002_authors was edited/);
});

it('a change of white space is no edit of a migration step', () => {
  const platform = created(NOTES);
  const spaced = { ...NOTES, sql: `\n  ${NOTES.sql.replaceAll(' ', '\n   ')}\n` };
  expect(open(platform, spaced).store.created).toBe(true);
});

it('an object works after a rollback to a release without its newest step, and does not repeat the step later', () => {
  const platform = created(NOTES, AUTHORS);
  const before = platform.dump();
  const { store } = open(platform, NOTES);
  store.transact(() => store.rows(`INSERT INTO notes (text) VALUES ('written by the older release')`));
  const { migrations, notes } = platform.dump();
  expect(migrations).toEqual(before.migrations);
  open(platform, NOTES, AUTHORS);
  expect(platform.dump()).toMatchObject({ notes: notes as object[] });
});

it('missing migration steps are applied in one transaction', () => {
  const platform = created(NOTES);
  const before = platform.dump();
  for (let step = 1; ; step++) {
    platform.failAt(step);
    try {
      open(platform, NOTES, AUTHORS, { id: 'test/0003_index', sql: 'CREATE INDEX authors ON notes (author);' });
      break;
    } catch (error) {
      expect(error).toBeInstanceOf(InjectedFault);
      expect(platform.dump(), `a throw before step ${step}`).toEqual(before);
    }
  }
  platform.failAt(Number.POSITIVE_INFINITY);
  expect(Object.keys(JSON.parse(String(platform.exec('SELECT applied FROM migrations', [])[0]?.applied)))).toContain(
    'test/0003_index',
  );
});

it('a new object gets all its tables or none', async () => {
  await everyStatement(
    (platform) => open(platform, NOTES, AUTHORS),
    ({ store }) => store.create(() => store.rows(`INSERT INTO notes (text) VALUES ('first')`)),
    ({ store }) => store.created,
  );
});

it('an object whose old ledger has an unreleased script does not start', () => {
  const platform = new NodePlatform();
  platform.transaction(() => {
    platform.exec('CREATE TABLE object_schema (version INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL)', []);
    platform.exec(`INSERT INTO object_schema VALUES (1, 'feedface')`, []);
  });
  expect(() => open(platform, NOTES)).toThrow(/Notebook: script 1/);
});

it.each([SESSION_SCHEMA, REGISTRY_SCHEMA, CONTEXT_SCHEMA, DIRECTORY_SCHEMA, WORKSPACE_SCHEMA])(
  'the migration steps of $object are numbered without a gap under one prefix',
  ({ steps }) => {
    for (const list of [KIT_STEPS, steps]) {
      const prefix = list[0]?.id.split('/')[0];
      list.forEach(({ id }, index) => {
        expect(id).toMatch(new RegExp(`^${prefix}/${String(index + 1).padStart(4, '0')}_[a-z_]+$`));
      });
    }
  },
);

function ledgerOf(platform: NodePlatform): unknown {
  return JSON.parse(String(platform.exec('SELECT applied FROM migrations', [])[0]?.applied));
}

it.each([SESSION_SCHEMA, REGISTRY_SCHEMA, CONTEXT_SCHEMA, DIRECTORY_SCHEMA, WORKSPACE_SCHEMA])(
  'a new $object has the same tables as one that ran all steps',
  ({ object, steps, tables }) => {
    const stepByStep = new NodePlatform();
    buildKit(stepByStep, { object, steps }, []).store.create(() => {});
    const atOnce = new NodePlatform();
    buildKit(atOnce, { object, steps, ...(tables !== undefined && { tables }) }, []).store.create(() => {});
    expect(shapeOfTables(atOnce)).toEqual(shapeOfTables(stepByStep));
    expect(ledgerOf(atOnce)).toEqual(ledgerOf(stepByStep));
  },
);
