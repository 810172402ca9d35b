import type { JsonSchema } from '../json-schema.ts';
import { escapeHtml } from './html.ts';

const REFERENCE = '#/components/schemas/';
/** The pairs of bounds that a schema may have, with their units. */
const RANGES = [
  ['minimum', 'maximum', ''],
  ['minLength', 'maxLength', ' chars'],
  ['minItems', 'maxItems', ' items'],
] as const;

/** A short HTML description of a JSON Schema: a link for a named schema, or else its type, values and bounds. */
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
    return schema.enum.map((value) => `<code>${escapeHtml(String(value))}</code>`).join(' | ');
  if (schema.type === 'array') return `list of ${inner(schema.items ?? {})}${boundsOf(schema)}`;
  const types = [schema.type ?? 'anything'].flat().map(String).join(' or ');
  return `${escapeHtml(types)}${boundsOf(schema)}`;
}

function boundsOf(schema: JsonSchema): string {
  const stated = RANGES.flatMap(([low, high, unit]) => {
    const [least, most] = [schema[low], schema[high]];
    if (least === undefined && most === undefined) return [];
    if (least === undefined) return `≤ ${most}${unit}`;
    return most === undefined ? `≥ ${least}${unit}` : `${least}–${most}${unit}`;
  });
  return stated.length > 0 ? ` (${stated.join(', ')})` : '';
}
