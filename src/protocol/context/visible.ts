declare const VISIBLE: unique symbol;

/**
 * A value as a caller may see it: what is secret for the caller is masked. Only `mask` and `reveal` of the domain make
 * one, so that an answer cannot have a value that neither has seen.
 */
export interface Visible {
  readonly [VISIBLE]: true;
}

/** What stands for a secret value. */
export const SECRET_MASK = '[secret]';
