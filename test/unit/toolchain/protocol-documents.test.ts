import { readFileSync } from 'node:fs';
import { expect, it, test } from 'vitest';
import { PROTOCOL_SECTIONS } from '../../../scripts/protocol-sections.ts';

/** The names in the first column of a table: frames, events, commands or close codes. */
function namesIn(table: string): string[] {
  return [...table.matchAll(/^\| `([a-z_.]+)` \|/gm)].map(([, name]) => name!);
}

/** A document without its generated sections. */
function proseOf(file: string): string {
  return Object.keys(PROTOCOL_SECTIONS[file]!).reduce(
    (text, name) => {
      const [before, after] = [text.indexOf(`<!-- ${name} -->`), text.indexOf(`<!-- /${name} -->`)];
      return text.slice(0, before) + text.slice(after);
    },
    readFileSync(file, 'utf8'),
  );
}

/** The agent's reports have the names of events, whose meaning is their members'. */
const CLEAR_BY_NAME = ['reasoning.delta', 'text.delta', 'file.edited', 'todo', 'agent.note'];

test.each(Object.keys(PROTOCOL_SECTIONS))('%s explains every frame, event and command of its tables', (file) => {
  const prose = proseOf(file);
  const names = Object.entries(PROTOCOL_SECTIONS[file]!)
    .filter(([section]) => !section.endsWith('-values'))
    .flatMap(([, text]) => namesIn(text()));
  expect(names.length).toBeGreaterThan(15);
  const unexplained = names.filter((name) => !prose.includes(`\`${name}\``));
  expect(unexplained.filter((name) => !CLEAR_BY_NAME.includes(name))).toEqual([]);
});

test.each(['docs/clients/watch.js', 'docs/clients/agent.js'])('%s imports nothing', (file) => {
  expect(readFileSync(file, 'utf8')).not.toMatch(/\b(import|require)\b\s*[({'"\w]/);
});

it('the links inside of the protocols’ documents lead somewhere', () => {
  for (const file of Object.keys(PROTOCOL_SECTIONS)) {
    const text = readFileSync(file, 'utf8');
    const headings = [...text.matchAll(/^#+ (.+)$/gm)].map(([, title]) => title!.toLowerCase().replaceAll(' ', '-'));
    const anchors = new Set([...headings, ...[...text.matchAll(/<a id="([^"]+)"/g)].map(([, id]) => id!)]);
    const targets = [...text.matchAll(/\]\(#([^)]+)\)/g)].map(([, target]) => target!);
    expect(targets.filter((target) => !anchors.has(target))).toEqual([]);
  }
});
