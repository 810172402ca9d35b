/**
 * The other side understood and refuses: trying again changes nothing. Anything else that a port throws means that it
 * cannot be reached now.
 */
export class Rejected extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'Rejected';
  }
}
