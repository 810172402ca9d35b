/**
 * A rule from an `always` answer. The session stores its own rules, because OpenCode's `always` would apply to the
 * whole directory. In a pattern, `*` stands for any number of characters and `?` for one.
 */
export interface AlwaysRule {
  permission: string;
  pattern: string;
}

/**
 * The patterns that an `always` answer allows: the wider patterns that the agent named or, if it named none, the
 * requested patterns. A requested pattern is a literal name. If it contains a wildcard character, it is left out,
 * because a rule with this pattern would match more.
 *
 * @returns an empty list for a request without patterns
 */
export function alwaysPatterns(wider: readonly string[], requested: readonly string[]): string[] {
  return wider.length > 0 ? [...wider] : requested.filter((pattern) => !/[*?]/.test(pattern));
}

/**
 * Whether an `always` answer to an approval would allow any later request. If the agent named no wider patterns and the
 * requested ones contain wildcards, no rule can be stored.
 *
 * @param always what the answer would allow (see `alwaysPatterns`)
 */
export function canBeRemembered({ always, patterns }: { always: readonly string[]; patterns: readonly string[] }) {
  return always.length > 0 || patterns.length === 0;
}

/** Whether the rules cover all requested patterns. A request without patterns is covered only by `*`. */
export function coveredByRules(rules: readonly AlwaysRule[], permission: string, patterns: readonly string[]): boolean {
  const mine = rules.filter((rule) => rule.permission === permission);
  const asked = patterns.length > 0 ? patterns : [''];
  return asked.every((pattern) => mine.some((rule) => matches(rule.pattern, pattern)));
}

/**
 * Whether a text matches a pattern with `*` and `?`. Patterns come from agents, so this uses constant memory and no
 * regular expression.
 */
export function matches(pattern: string, text: string): boolean {
  let p = 0;
  let t = 0;
  let star = -1;
  let resume = 0;
  while (t < text.length) {
    if (pattern[p] === '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === text[t])) {
      p++;
      t++;
    } else if (star >= 0) {
      p = star + 1;
      t = ++resume;
    } else return false;
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}
