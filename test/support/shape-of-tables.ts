import type { NodePlatform } from './node-platform.ts';

/** The columns of each table and index, independent of the form of their declaration and of their order. */
export function shapeOfTables(platform: NodePlatform): Record<string, unknown> {
  const tables = platform.exec(`SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL`, []);
  return Object.fromEntries(
    tables.map(({ type, name, tbl_name, sql }) => {
      if (type !== 'table') return [name, { of: tbl_name, sql }];
      const columns = platform.exec(`SELECT name, type, "notnull", dflt_value, pk FROM pragma_table_info(?)`, [name!]);
      const byName = columns.toSorted((a, b) => String(a.name).localeCompare(String(b.name)));
      return [name, { columns: byName, withoutRowid: String(sql).includes('WITHOUT ROWID') }];
    }),
  );
}
