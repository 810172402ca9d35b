/** Something on this machine is missing; the message is one sentence that says what to do. */
export class MissingDependencyError extends Error {
  override name = 'MissingDependencyError';
}
