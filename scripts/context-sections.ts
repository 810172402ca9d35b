/** The section of docs/contexts.md that derives from the limits. */
import { CONTEXT_BOUNDS, KEPT_CHANGES } from '../durable-objects/context/journal.ts';
import { MAX_ANSWER_BYTES } from '../runner/mcp/answers.ts';
import { FORBIDDEN_NAMES } from '../src/domain/context/bounds.ts';
import { MAX_EXCERPT_BYTES } from '../src/domain/context/excerpt.ts';
import {
  MAX_CONTEXT_CONFLICTS,
  MAX_CONTEXT_KEYS,
  MAX_CONTEXT_LINKS,
  MAX_CONTEXT_PARENTS,
  MAX_MERGED_CONTEXTS,
  MAX_PATCH_OPERATIONS,
  MAX_POINTER_CHARS,
  MAX_SECRET_PATHS,
  MAX_STORED_BYTES,
  MAX_WATCH_PATH_CHARS,
  MAX_WATCHERS,
} from '../src/protocol/common/limits.ts';
import { boundsTable } from './protocol-tables.ts';

export const CONTEXT_SECTIONS: Readonly<Record<string, () => string>> = { 'context-limits': limitsTable };

function limitsTable(): string {
  const { context_bytes, value_bytes, depth, name_chars } = CONTEXT_BOUNDS;
  const forbidden = [...FORBIDDEN_NAMES].map((name) => `\`${name}\``).join(', ');
  return boundsTable(
    ['the data of a context, as JSON', context_bytes, 'bytes of UTF-8'],
    ['a value in it that is no object; an array is one value', value_bytes, 'bytes of UTF-8'],
    ['members that lead to a value', depth, 'levels'],
    [`the name of a member, which is not empty and not ${forbidden}`, name_chars, 'characters'],
    ['what one change sets, as JSON', MAX_STORED_BYTES, 'bytes of UTF-8'],
    ['a JSON Patch', MAX_PATCH_OPERATIONS, 'operations'],
    ['a JSON Pointer', MAX_POINTER_CHARS, 'characters'],
    ['the path of a watch', MAX_WATCH_PATH_CHARS, 'characters'],
    ['watchers of a context', MAX_WATCHERS, 'watchers'],
    ['places that are marked as secret', MAX_SECRET_PATHS, 'places'],
    ['places that a `share` or `promote` names', MAX_CONTEXT_KEYS, 'places'],
    ['contexts of one merge', MAX_MERGED_CONTEXTS, 'contexts'],
    ['open conflicts of a context', MAX_CONTEXT_CONFLICTS, 'conflicts'],
    ['contexts to which one links', MAX_CONTEXT_LINKS, 'contexts'],
    ['`parents` of a context, the newest', MAX_CONTEXT_PARENTS, 'contexts'],
    ['the newest changes, which are kept one by one', KEPT_CHANGES, 'changes'],
    ['changes that are kept one by one, at most', 2 * KEPT_CHANGES - 1, 'changes'],
    ['what contexts add to a prompt', MAX_EXCERPT_BYTES, 'bytes'],
    ['the answer of a tool', MAX_ANSWER_BYTES, 'bytes'],
  );
}
