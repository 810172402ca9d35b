import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { postgresContextArchive } from '../../../src/adapters/neon/postgres.ts';
import type { Context } from '../../../src/protocol/context/context.ts';

/** The file of an object. The folder also has one of the platform. */
const OBJECT = /^[0-9a-f]{64}\.sqlite$/;

/**
 * Retires contexts in the storage of a control plane that is stopped, as their homes do after days: their data and
 * history go to Postgres, and only their rows stay.
 *
 * @param contexts as they are, of a workspace
 */
export async function retireOnDisk(
  directory: string,
  workspace: string,
  contexts: readonly Context[],
  { DATABASE_URL, NEON_FETCH_ENDPOINT }: Record<string, string>,
): Promise<void> {
  const archive = postgresContextArchive(DATABASE_URL!, NEON_FETCH_ENDPOINT);
  const wanted = new Map(contexts.map((context) => [context.id, context]));
  const folder = join(directory, 'control-plane', 'objects', 'oio-Context');
  for (const file of readdirSync(folder).filter((name) => OBJECT.test(name))) {
    using database = new DatabaseSync(join(folder, file));
    const row = database.prepare('SELECT id, base_version FROM context').get() as Row | undefined;
    const context = row && wanted.get(row.id);
    if (!context) continue;
    const parts = database.prepare('SELECT data FROM base_parts ORDER BY part').all() as { data: string }[];
    const changes = database.prepare('SELECT * FROM changes ORDER BY version').all();
    const base = JSON.parse(parts.map(({ data }) => data).join(''));
    const { parents: _p, links: _l, open_conflicts: _o, data, ...summary } = context;
    await archive.put({
      ...summary,
      workspace,
      keys: '',
      data: JSON.stringify(data),
      history: JSON.stringify({ base_version: row.base_version, base, changes }),
    });
    database.exec(
      `UPDATE context SET retired_version = ${context.version}; DELETE FROM base_parts; DELETE FROM changes`,
    );
    wanted.delete(context.id);
  }
  if (wanted.size > 0) throw new Error(`${wanted.size} contexts are not in ${folder}`);
}

interface Row {
  id: string;
  base_version: number;
}
