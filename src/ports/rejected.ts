/**
 * The dependency rejected the request, so a retry cannot succeed. Any other error of a port means that the dependency
 * cannot be reached now.
 */
export class Rejected extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'Rejected';
  }
}
