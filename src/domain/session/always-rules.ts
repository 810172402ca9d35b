/**
 * 'Always' is kept by us and scoped to one session, because OpenCode's own lasts for the whole directory. A rule is a
 * permission and a pattern; `*` stands for any run of characters, `?` for one.
 */
export interface AlwaysRule {
  permission: string;
  pattern: string;
}

/** Whether the rules cover everything that is asked for. An ask without patterns is covered by `*` alone. */
export function coveredByRules(rules: readonly AlwaysRule[], permission: string, patterns: readonly string[]): boolean {
  const mine = rules.filter((rule) => rule.permission === permission);
  const asked = patterns.length > 0 ? patterns : [''];
  return asked.every((pattern) => mine.some((rule) => matches(rule.pattern, pattern)));
}

/** Wildcard match in linear space and without regular expressions: patterns come from outside. */
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
