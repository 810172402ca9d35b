/** A dependency cannot be reached now. The same request may succeed later. */
export class Unavailable extends Error {
  constructor(what: string, cause?: unknown) {
    super(`${what} cannot be reached`, { cause });
    this.name = 'Unavailable';
  }
}
