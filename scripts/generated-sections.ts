/**
 * Writes the sections of documents that are derived from code. Each is between `<!-- name -->` and `<!-- /name -->`.
 * `npm run format` runs this script. A test fails if a document differs from its output.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { PASSED_VARIABLES } from '../runner/opencode/tool-environment.ts';
import { type Reader, SETTINGS, type SettingName, settingOf } from '../src/configuration/settings.ts';
import { codeOfCeiling, settingOfCeiling } from '../src/domain/session/ceilings.ts';
import { type CeilingName, Ceilings } from '../src/protocol/session/ceilings.ts';
import { countOneSession } from '../test/bench/counts.ts';
import { countsTables, waitingTable } from '../test/bench/report.ts';
import { countWaiting } from '../test/bench/waiting.ts';
import { API_SECTIONS } from './api-sections.ts';
import { CONTEXT_SECTIONS } from './context-sections.ts';
import { PROTOCOL_SECTIONS } from './protocol-sections.ts';
import { stateDiagram, taskDiagram } from './state-diagram.ts';

interface Section {
  file: string;
  name: string;
  text(): string | Promise<string>;
}

export const SECTIONS: readonly Section[] = [
  { file: 'README.md', name: 'settings', text: settingsTable },
  { file: 'docs/agents.md', name: 'tool-variables', text: toolVariablesTable },
  { file: 'docs/agents.md', name: 'ceilings', text: ceilingsTable },
  { file: 'docs/architecture.md', name: 'session-states', text: stateDiagram },
  { file: 'docs/architecture.md', name: 'task-states', text: taskDiagram },
  { file: 'docs/benchmarks.md', name: 'counts', text: async () => countsTables(await countOneSession()) },
  { file: 'docs/benchmarks.md', name: 'waiting', text: async () => waitingTable(await countWaiting()) },
  ...Object.entries(API_SECTIONS).map(([name, text]) => ({ file: 'docs/API.md', name, text })),
  ...Object.entries(CONTEXT_SECTIONS).map(([name, text]) => ({ file: 'docs/contexts.md', name, text })),
  ...Object.entries(PROTOCOL_SECTIONS).flatMap(([file, sections]) =>
    Object.entries(sections).map(([name, text]) => ({ file, name, text })),
  ),
];

/** Replaces a section in a document's text. */
export async function withSection(document: string, { file, name, text }: Section): Promise<string> {
  const [start, end] = [`<!-- ${name} -->\n`, `<!-- /${name} -->`];
  const [from, to] = [document.indexOf(start) + start.length, document.indexOf(end)];
  if (from < start.length || to < from) throw new Error(`${file} has no section between ${start.trim()} and ${end}`);
  return `${document.slice(0, from)}${await text()}\n${document.slice(to)}`;
}

/** Names for users: the objects are part of the Worker, and Postgres is part of the start. */
const READER_NAMES: Readonly<Record<Reader, string>> = {
  worker: 'Worker',
  object: 'Worker',
  launcher: 'start',
  postgres: 'start',
  redis: 'start',
  agent: 'agent',
  cli: 'commands',
};

/** The settings that users set, as a Markdown table. */
function settingsTable(): string {
  const rows = (Object.keys(SETTINGS) as SettingName[]).flatMap((name) => {
    const { internal, readers, kind, summary, otherwise, default: byDefault } = settingOf(name);
    if (internal) return [];
    const readBy = [...new Set(readers.map((reader) => READER_NAMES[reader]))].join(', ');
    const unset = byDefault === undefined ? otherwise : `\`${byDefault}\``;
    return [`| \`${name}\` | ${summary} | ${kind.expects} | ${unset} | ${readBy} |`];
  });
  return ['| variable | what | value | default | read by |', '| --- | --- | --- | --- | --- |', ...rows].join('\n');
}

/** The variables that tools get from the user's environment, as a Markdown table. */
function toolVariablesTable(): string {
  const rows = PASSED_VARIABLES.map(
    ({ names, why }) => `| ${names.map((name) => `\`${name}\``).join(', ')} | ${why} |`,
  );
  return ['| variables | why |', '| --- | --- |', ...rows].join('\n');
}

/** The ceilings that end a run, as a Markdown table. */
function ceilingsTable(): string {
  const rows = (Object.keys(Ceilings().shape) as CeilingName[]).map((name) => {
    const setting = settingOfCeiling(name);
    const { summary, kind, otherwise, default: byDefault } = settingOf(setting);
    return `| ${summary} | \`${name}\` | \`${setting}\` | ${kind.expects} | ${byDefault ?? otherwise} | \`${codeOfCeiling(name)}\` |`;
  });
  const head = '| what is limited | in `agent_config` | for the agent | value | default | error |';
  return [head, '| --- | --- | --- | --- | --- | --- |', ...rows].join('\n');
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for (const section of SECTIONS) {
    const document = readFileSync(section.file, 'utf8');
    writeFileSync(section.file, await withSection(document, section));
  }
}
