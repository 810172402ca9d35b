import type { ObjectPlatform } from '../platform/platform.ts';
import { stepsOfScripts } from './first-release.ts';
import { KIT_STEPS, KIT_TABLES, type MigrationStep, type ObjectSchema } from './schema.ts';

/** The fingerprint of each applied step, by id. */
type Ledger = Record<string, string>;

/** The ledger is one row of JSON, so that a new object writes one row for any number of steps. */
const LEDGER = 'migrations';
const LEDGER_BY_POSITION = 'object_schema';

/**
 * Compares the object's tables with the schema, without writing. Unknown applied steps are tolerated, because a newer
 * release may have applied them before it was rolled back.
 * @throws Error that names the step and the class, if an applied step has been edited
 */
export function schemaState(platform: ObjectPlatform, schema: ObjectSchema): 'absent' | 'behind' | 'current' {
  const table = ledgerTable(platform);
  if (table === null) return 'absent';
  if (table === LEDGER_BY_POSITION) return 'behind';
  return missing(readLedger(platform), schema).length === 0 ? 'current' : 'behind';
}

/**
 * Applies the missing steps, first the kit's and then the object's. Must run inside a transaction.
 * @throws Error that names the step and the class, if an applied step has been edited
 */
export function migrate(platform: ObjectPlatform, schema: ObjectSchema): void {
  const table = ledgerTable(platform);
  const ledger = table === LEDGER ? readLedger(platform) : startLedger(platform, schema, table !== null);
  if (table === null) {
    for (const statement of statementsOf(KIT_TABLES + (schema.tables ?? ''))) platform.exec(statement, []);
    const done = schema.tables === undefined ? KIT_STEPS : [...KIT_STEPS, ...schema.steps];
    for (const step of done) ledger[step.id] = fingerprint(step);
  }
  for (const step of missing(ledger, schema)) {
    if ('sql' in step) for (const statement of statementsOf(step.sql)) platform.exec(statement, []);
    else step.run(platform);
    ledger[step.id] = fingerprint(step);
  }
  platform.exec(`INSERT OR REPLACE INTO ${LEDGER} (one, applied) VALUES (1, ?)`, [JSON.stringify(ledger)]);
}

function ledgerTable(platform: ObjectPlatform): typeof LEDGER | typeof LEDGER_BY_POSITION | null {
  const [row] = platform.exec(`SELECT name FROM sqlite_master WHERE type = 'table' AND name IN (?, ?)`, [
    LEDGER,
    LEDGER_BY_POSITION,
  ]);
  return (row?.name ?? null) as ReturnType<typeof ledgerTable>;
}

function readLedger(platform: ObjectPlatform): Ledger {
  return JSON.parse(String(platform.exec(`SELECT applied FROM ${LEDGER}`, [])[0]?.applied)) as Ledger;
}

/** Creates the ledger: empty, or with the steps that an object of the first release has applied. */
function startLedger(platform: ObjectPlatform, schema: ObjectSchema, byPosition: boolean): Ledger {
  platform.exec(`CREATE TABLE ${LEDGER} (one INTEGER PRIMARY KEY CHECK (one = 1), applied TEXT NOT NULL)`, []);
  if (!byPosition) return {};
  const scripts = platform.exec(`SELECT fingerprint FROM ${LEDGER_BY_POSITION} ORDER BY version`, []);
  platform.exec(`DROP TABLE ${LEDGER_BY_POSITION}`, []);
  const applied = stepsOfScripts(
    schema.object,
    scripts.map((row) => String(row.fingerprint)),
  );
  const steps = [...KIT_STEPS, ...schema.steps].filter(({ id }) => applied.has(id));
  return Object.fromEntries(steps.map((step) => [step.id, fingerprint(step)]));
}

function missing(ledger: Ledger, { object, steps }: ObjectSchema): MigrationStep[] {
  return [...KIT_STEPS, ...steps].filter((step) => {
    const applied = ledger[step.id];
    if (applied !== undefined && applied !== fingerprint(step)) {
      throw new Error(
        `${object}: the migration step ${step.id} was edited after it had been applied to this object. ` +
          'Restore the step, and append a new one with the change.',
      );
    }
    return applied === undefined;
  });
}

function statementsOf(script: string): string[] {
  return script
    .split(/;\s*(?:\n|$)/)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
}

/** Caches fingerprints for this isolate, because every start of an object needs them and scripts are long. */
const fingerprints = new WeakMap<MigrationStep, string>();

/**
 * FNV-1a (64 bit) of the script with its white space folded. It detects edits and needs no cryptographic strength. The
 * text of a function cannot be compared, because the deployed Worker is minified and the text changes with each build.
 * Therefore a function step is identified only by its id.
 */
function fingerprint(step: MigrationStep): string {
  if (!('sql' in step)) return 'function';
  const known = fingerprints.get(step);
  if (known !== undefined) return known;
  let hash = 0xcbf29ce484222325n;
  for (const char of step.sql.replace(/\s+/g, ' ').trim()) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(char.codePointAt(0)!)) * 0x100000001b3n);
  }
  const text = hash.toString(16);
  fingerprints.set(step, text);
  return text;
}
