import type { JsonText } from '../../src/ports/json-text.ts';

export function parsed<Value>(text: JsonText<Value>): Value {
  return JSON.parse(text) as Value;
}
