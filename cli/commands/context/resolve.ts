import { CliError, defineCommand, exitCode, parseInteger, parseWord } from '../../command.ts';
import { printJson } from '../../terminal.ts';
import { connect, jsonOption, printLines } from '../session/common.ts';
import { contextRefOf, explained, WHICH } from './common.ts';
import { parseValue } from './value.ts';

const MAX_NUMBER = 0xffff_ffff;

export const resolve = defineCommand({
  summary: 'Decide a conflict that a merge has left open',
  usage: ['context resolve <context> <number> current|source', 'context resolve <context> <number> --value <value>'],
  details: `${WHICH}\nA context shows its conflicts with their numbers: context get <context>.`,
  arguments: { context: 'required', number: 'required', choice: 'optional' },
  options: {
    value: { type: 'string', placeholder: 'value', description: 'Another value than both, as JSON or else a text' },
    ...jsonOption,
  },
  async run({ values: { value, json }, args: { context, number, choice } }) {
    if ((choice === undefined) === (value === undefined)) {
      throw new CliError('Give current, source or --value <value>, and only one of them.', exitCode.usage);
    }
    const n = parseInteger('The number of the conflict', number, { min: 1, max: MAX_NUMBER });
    const body =
      value === undefined
        ? { choose: parseWord('side', choice ?? '', ['current', 'source'] as const) }
        : { value: parseValue(value, false) };
    const client = connect();
    const ref = await contextRefOf(client, context);
    const resolved = await explained(ref, client.contexts.resolve(ref, n, body));
    if (json) printJson(resolved);
    else {
      const { open_conflicts: left, version } = resolved;
      printLines([`version ${version}, ${left === 0 ? 'no conflict is left' : `${left} left to decide`}`]);
    }
    return exitCode.ok;
  },
});
