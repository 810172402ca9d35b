/**
 * Maps the fingerprints in the first release's ledger to the present steps. That ledger had the positions and
 * fingerprints of scripts. There is no entry for the directory, whose objects had another class then.
 */
const STEPS_OF_SCRIPTS: Record<string, readonly string[]> = {
  '74f88ef0341633fc': ['kit/0001_outbox'],
  '46a7a2c53daccd8d': ['kit/0002_idempotency'],
  c6d474f36fa05040: ['session/0001_tables', 'kit/0002_idempotency'],
  e03ba565c0da974a: ['agent-registry/0001_tables'],
  '67a8fe3b26d3f740': ['agent-registry/0002_remotes'],
  d418d4f5c9af4c9a: ['workspace/0001_tokens'],
};

/**
 * The ids of the steps that an object of the first release has applied.
 * @param object the object's class, for the error
 * @param fingerprints the fingerprints in the object's ledger, in order
 * @throws Error when a fingerprint belongs to no script of that release
 */
export function stepsOfScripts(object: string, fingerprints: readonly string[]): Set<string> {
  return new Set(
    fingerprints.flatMap((fingerprint, index) => {
      const steps = STEPS_OF_SCRIPTS[fingerprint];
      if (!steps) throw new Error(`${object}: script ${index + 1} in the ledger is not a script of the first release`);
      return steps;
    }),
  );
}
