import * as z from 'zod';
import { schema } from './schema.ts';
import { hasControls } from './text.ts';

export const MAX_BRANCH_CHARS = 200;

/**
 * Whether git takes a text as the name of a branch.
 * Source: git-check-ref-format(1), with the rules of its option `--branch`.
 */
export function isBranchName(name: string): boolean {
  if (name === '' || name === '@' || name === 'HEAD' || name.startsWith('-') || name.endsWith('.')) return false;
  if (hasControls(name) || /[\s~^:?*[\\]|\.\.|@\{/.test(name)) return false;
  return name.split('/').every((part) => part !== '' && !part.startsWith('.') && !part.endsWith('.lock'));
}

export const BranchName = schema(() =>
  z.string().min(1).max(MAX_BRANCH_CHARS).refine(isBranchName, 'must be a name that git allows for a branch'),
);
