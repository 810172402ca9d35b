/** What a required label says of the agent's label of the same name. */
type Operator = '=' | '!=' | '>' | '>=' | '<' | '<=';

const REQUIREMENT = /^([a-z0-9_.-]+)(=|!=|>=|<=|>|<)(.*)$/s;

/**
 * Whether an agent's labels meet a required one. `=` compares texts. The others of order compare numbers, and a label
 * that is no number does not meet them. `!=` is also met by an agent without the label.
 *
 * @example meetsLabel(['memory_gb=64'], 'memory_gb>=32') // true
 * @example meetsLabel(['gpu=a100'], 'gpu!=a100') // false
 */
export function meetsLabel(labels: readonly string[], required: string): boolean {
  const [, name, operator, wanted] = REQUIREMENT.exec(required) ?? [];
  if (name === undefined || operator === '=') return labels.includes(required);
  const values = labels.flatMap((label) => (label.startsWith(`${name}=`) ? [label.slice(name.length + 1)] : []));
  if (operator === '!=') return !values.includes(wanted!);
  return values.some((value) => holds(Number(value), operator as Operator, Number(wanted)));
}

/** The name in an agent's label or in a required one. */
export function labelName(label: string): string {
  return REQUIREMENT.exec(label)?.[1] ?? label;
}

function holds(value: number, operator: Operator, wanted: number): boolean {
  switch (operator) {
    case '>':
      return value > wanted;
    case '>=':
      return value >= wanted;
    case '<':
      return value < wanted;
    case '<=':
      return value <= wanted;
    default:
      return false;
  }
}
