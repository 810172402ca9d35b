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

/**
 * How many of the scripts have been applied here: reads only.
 * @throws Error when one of them was edited afterwards
 */
export function appliedCount(platform: ObjectPlatform, migrations: Migrations): number {
  const applied = platform.exec(`SELECT version, fingerprint FROM ${LEDGER} ORDER BY version`, []);
  applied.forEach((row, index) => {
    const known = migrations[index];
    if (known !== undefined && fingerprint(known) !== row.fingerprint) {
      throw new Error(`migration ${index + 1} was edited after it had been applied`);
    }
  });
  return applied.length;
}

/** Applies what is missing. Must run inside a transaction. */
export function migrate(platform: ObjectPlatform, migrations: Migrations): void {
  platform.exec(
    `CREATE TABLE IF NOT EXISTS ${LEDGER} (version INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL) WITHOUT ROWID`,
    [],
  );
  const applied = appliedCount(platform, migrations);
  migrations.slice(applied).forEach((script, offset) => {
    for (const statement of statementsOf(script)) platform.exec(statement, []);
    platform.exec(`INSERT INTO ${LEDGER} (version, fingerprint) VALUES (?, ?)`, [
      applied + offset + 1,
      fingerprint(script),
    ]);
  });
}

function statementsOf(script: string): string[] {
  return script
    .split(/;\s*(?:\n|$)/)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
}

/** Of each script that this isolate has met: an object asks at every start, and scripts are long. */
const fingerprints = new Map<string, string>();

/** FNV-1a (64 bit) of the script with its white space folded: detects edits, and is no secret. */
function fingerprint(script: string): string {
  const known = fingerprints.get(script);
  if (known !== undefined) return known;
  let hash = 0xcbf29ce484222325n;
  for (const char of script.replace(/\s+/g, ' ').trim()) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(char.codePointAt(0)!)) * 0x100000001b3n);
  }
  const text = hash.toString(16);
  fingerprints.set(script, text);
  return text;
}
