import { globSync, readFileSync } from 'node:fs';
import { expect, it, test } from 'vitest';
import { SECTIONS, withSection } from '../../../scripts/generated-sections.ts';
import { SETTINGS } from '../../../src/configuration/settings.ts';

test.each(SECTIONS)('the section $name of $file is what the code says; `npm run format` writes it', async (section) => {
  const document = readFileSync(section.file, 'utf8');
  expect(await withSection(document, section)).toBe(document);
});

/** Variables that are not settings: of the operating system, Node, git, the tests and commands, and bindings of the Worker. */
const OTHERS =
  /^(TEST_[A-Z_]+|NODE_ENV|PATH|SHELL|HOME|USERPROFILE|TMPDIR|XDG_[A-Z]+_HOME|GIT_INDEX_FILE|SESSION|AGENT_REGISTRY|CONTEXT|DIRECTORY|WORKSPACE|ASSETS|DISK|OIO_LOCK_TOKEN)$/;

/** The forms in which code and documents name a variable. */
const NAMED = [
  /\benv(?:ironment)?\??\.([A-Z][A-Z0-9_]*)\b/g,
  /\benv(?:ironment)?\[['"]([A-Z][A-Z0-9_]*)['"]\]/g,
  /\b(OIO_[A-Z0-9_]+)\b/g,
];

const FILES = [
  '{src,durable-objects,runner,cli,scripts}/**/*.{ts,js}',
  'dashboard/**/*.{ts,tsx}',
  '*.{ts,md}',
  'docs/**/*.md',
  '.ci/*',
];

function variablesIn(text: string): string[] {
  return NAMED.flatMap((pattern) => [...text.matchAll(pattern)].map((match) => match[1]!));
}

it('the table of settings has every variable that the code reads or a document names', () => {
  const files = globSync(FILES, { exclude: ['worker-configuration.d.ts'] });
  const found = files.flatMap((file) => variablesIn(readFileSync(file, 'utf8')).map((name) => ({ name, file })));
  expect(new Set(found.map(({ name }) => name)).size).toBeGreaterThan(15);
  expect(found.filter(({ name }) => !Object.hasOwn(SETTINGS, name) && !OTHERS.test(name))).toEqual([]);
});

it('the check finds a variable in every form in which code can read it', () => {
  const code = `process.env.A_B; env.C; env?.D; environment['E'] ?? setting('OIO_F', env)`;
  expect(variablesIn(code).sort()).toEqual(['A_B', 'C', 'D', 'E', 'OIO_F']);
});
