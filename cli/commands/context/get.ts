import type { Client } from '../../../src/client/client.ts';
import { pathOf } from '../../../src/domain/context/edits.ts';
import type { Json } from '../../../src/domain/context/json.ts';
import { valueIn } from '../../../src/domain/context/json-patch.ts';
import { CliError, defineCommand, exitCode, oio, parseInteger } from '../../command.ts';
import { conflictLines, contextLines, keyLines, secretLine, secretsAt, valueLines } from '../../context-lines.ts';
import { printJson } from '../../terminal.ts';
import { connect, jsonOption, printLines } from '../session/common.ts';
import { agentNames, contextNames, contextRefOf, explained, PATHS, shownRef, WHICH } from './common.ts';

export const get = defineCommand({
  summary: 'Show a context, or one place of it',
  usage: ['context get <context> [<path>] [--version <version>]'],
  details: `${WHICH}\n${PATHS}`,
  arguments: { context: 'required', path: 'optional' },
  options: {
    version: { type: 'string', placeholder: 'version', description: 'As an older version had it' },
    ...jsonOption,
  },
  async run({ values: { version, json }, args: { context, path } }) {
    const client = connect();
    const ref = await contextRefOf(client, context);
    if (path === undefined) await showContext(client, ref, versionOf('--version', version), json);
    else if (version === undefined) await showKey(client, ref, path, json);
    else await showOlderKey(client, ref, path, versionOf('--version', version), json);
    return exitCode.ok;
  },
});

/** The version that an option names. */
export function versionOf(option: string, text: string): number;
export function versionOf(option: string, text: string | undefined): number | undefined;
export function versionOf(option: string, text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseInteger(option, text, { min: 1, max: Number.MAX_SAFE_INTEGER });
}

async function showContext(client: Client, ref: string, version: number | undefined, json: boolean): Promise<void> {
  const found = await explained(ref, client.contexts.get(ref, { version }));
  if (json) return printJson(found);
  const conflicts = found.open_conflicts > 0 ? await client.contexts.conflicts(ref) : [];
  const others = [...found.links.map(({ id }) => id), ...conflicts.map(({ source_id }) => source_id)];
  const agents = await agentNames(client, [found.updated_by.agent_id]);
  const contexts = await contextNames(client, others);
  const name = shownRef(found);
  printLines(contextLines(found, name, { agents, contexts }, Date.now()));
  printLines(conflictLines(conflicts, name, contexts));
}

async function showKey(client: Client, ref: string, path: string, json: boolean): Promise<void> {
  const found = await explained(ref, client.contexts.getKey(ref, path));
  if (json) return printJson(found);
  const { secret_paths } = await client.contexts.get(ref);
  const agents = await agentNames(client, [found.changed.by]);
  printLines(keyLines(found, secretsAt(found.path, secret_paths), agents, Date.now()));
}

async function showOlderKey(client: Client, ref: string, path: string, version: number, json: boolean): Promise<void> {
  const { data, secret_paths } = await explained(ref, client.contexts.get(ref, { version }));
  const pointer = path.startsWith('/') ? path : `/${path}`;
  const value = valueIn(data as Json, pathOf(pointer));
  if (value === undefined) {
    throw new CliError(
      `Version ${version} has no value at ${path}. "${oio} context history ${ref}" shows the changes.`,
    );
  }
  if (json) printJson(value);
  else printLines([...valueLines(value), ...secretsAt(pointer, secret_paths).map(secretLine)]);
}
