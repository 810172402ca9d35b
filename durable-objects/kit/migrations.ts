import type { ObjectPlatform } from './platform.ts';

/**
 * The schema of an object as an append-only list of SQL scripts. Statements of one script are separated by `;` at the
 * end of a line. What has been applied is kept with a fingerprint: an object whose history was edited refuses to start,
 * rather than run on a schema that nobody has tested.
 */
export type Migrations = readonly string[];

const LEDGER = 'object_schema';

/** Whether this object has been created: reads only. */
export function hasSchema(platform: ObjectPlatform): boolean {
  return platform.exec(`SELECT 1 AS found FROM sqlite_master WHERE type = 'table' AND name = ?`, [LEDGER]).length > 0;
}

/** Applies what is missing. Must run inside a transaction. */
export function migrate(platform: ObjectPlatform, migrations: Migrations): void {
  platform.exec(
    `CREATE TABLE IF NOT EXISTS ${LEDGER} (version INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL) WITHOUT ROWID`,
    [],
  );
  const applied = platform.exec(`SELECT version, fingerprint FROM ${LEDGER} ORDER BY version`, []);
  applied.forEach((row, index) => {
    const known = migrations[index];
    if (known !== undefined && fingerprint(known) !== row.fingerprint) {
      throw new Error(`migration ${index + 1} was edited after it had been applied`);
    }
  });
  migrations.slice(applied.length).forEach((script, offset) => {
    for (const statement of statementsOf(script)) platform.exec(statement, []);
    platform.exec(`INSERT INTO ${LEDGER} (version, fingerprint) VALUES (?, ?)`, [
      applied.length + offset + 1,
      fingerprint(script),
    ]);
  });
}

/** True when migrations are waiting to be applied. */
export function isBehind(platform: ObjectPlatform, migrations: Migrations): boolean {
  const [row] = platform.exec(`SELECT COUNT(*) AS applied FROM ${LEDGER}`, []);
  return Number(row?.applied ?? 0) < migrations.length;
}

function statementsOf(script: string): string[] {
  return script
    .split(/;\s*(?:\n|$)/)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
}

/** FNV-1a (64 bit) of the script with its white space folded: detects edits, and is no secret. */
function fingerprint(script: string): string {
  let hash = 0xcbf29ce484222325n;
  for (const char of script.replace(/\s+/g, ' ').trim()) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(char.codePointAt(0)!)) * 0x100000001b3n);
  }
  return hash.toString(16);
}
