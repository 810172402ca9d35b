import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { counted } from '../../../src/domain/counted.ts';
import type { FileView } from '../../../src/protocol/run/reports.ts';
import { CliError, defineCommand, exitCode } from '../../command.ts';
import { type Column, table } from '../../table.ts';
import { printJson } from '../../terminal.ts';
import { connect, connectionDetails, jsonOption, printLines, sessionIdOf } from './common.ts';

const COLUMNS: readonly Column<FileView>[] = [
  { title: 'bytes', text: ({ bytes }) => bytes.toLocaleString('en'), align: 'right' },
  { title: 'type', text: ({ mime_type }) => mime_type },
  { title: 'path', text: ({ path }) => path, isCut: true },
];

export const files = defineCommand({
  summary: 'List or save the files of a session’s results',
  usage: ['session files <id> [--save <directory>]'],
  details: `${connectionDetails}\nThese are files that agents have sent beside their work, such as reports. "oio session diff" shows the work.`,
  arguments: { id: 'required' },
  options: {
    save: { type: 'string', placeholder: 'directory', description: 'Save the files there; none is overwritten' },
    ...jsonOption,
  },
  async run({ values: { json, save }, args }) {
    const client = connect();
    const id = await sessionIdOf(client, args.id);
    const list = await client.sessions.files(id);
    // The control plane accepts only paths that stay inside.
    for (const file of save === undefined ? [] : list) {
      const path = join(save!, file.path);
      const bytes = await client.sessions.artifact(id, file.id);
      mkdirSync(dirname(path), { recursive: true });
      write(path, bytes);
    }
    if (json) printJson(list);
    else if (list.length === 0) printLines(['The session has no files.']);
    else if (save !== undefined) printLines([`${counted(list.length, 'file')} saved in ${save}.`]);
    else printLines(table(list, COLUMNS));
    return exitCode.ok;
  },
});

function write(path: string, bytes: Uint8Array): void {
  try {
    writeFileSync(path, bytes, { flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw new CliError(`${path} exists already. Choose another directory.`);
  }
}
