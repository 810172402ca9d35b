/** A program that is needed is not installed; the message is one sentence that says what to do. */
export class MissingDependencyError extends Error {
  override name = 'MissingDependencyError';
}
