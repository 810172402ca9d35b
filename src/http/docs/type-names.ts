import type { JsonSchema } from '../openapi.ts';
import { escapeHtml } from './html.ts';

const REFERENCE = '#/components/schemas/';
const BOUNDS = [
  ['minimum', '≥ '],
  ['maximum', '≤ '],
  ['minLength', 'chars ≥ '],
  ['maxLength', 'chars ≤ '],
  ['minItems', 'items ≥ '],
  ['maxItems', 'items ≤ '],
] as const;

/** A JSON Schema in a few words of HTML: named schemas are links, the rest is type, values and bounds. */
export function typeOf(schema: JsonSchema): string {
  const inner = (part: unknown) => typeOf(part as JsonSchema);
  if (schema.$ref) {
    const name = schema.$ref.replace(REFERENCE, '');
    return `<a href="#schema-${escapeHtml(name.toLowerCase())}">${escapeHtml(name)}</a>`;
  }
  const options = schema.anyOf ?? schema.oneOf ?? schema.allOf;
  if (Array.isArray(options)) return options.map(inner).join(schema.allOf ? ' and ' : ' or ');
  if (schema.const !== undefined) return `<code>${escapeHtml(JSON.stringify(schema.const))}</code>`;
  if (Array.isArray(schema.enum))
    return schema.enum.map((value) => `<code>${escapeHtml(String(value))}</code>`).join(' ');
  if (schema.type === 'array') return `list of ${inner(schema.items ?? {})}${boundsOf(schema)}`;
  const types = [schema.type ?? 'anything'].flat().map(String).join(' or ');
  return `${escapeHtml(types)}${boundsOf(schema)}`;
}

function boundsOf(schema: JsonSchema): string {
  // The safe integers are every integer: no bound that anyone chose.
  const stated = BOUNDS.filter(([key]) => key in schema && Math.abs(Number(schema[key])) < Number.MAX_SAFE_INTEGER);
  return stated.length > 0 ? ` (${stated.map(([key, text]) => text + String(schema[key])).join(', ')})` : '';
}
