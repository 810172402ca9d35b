import { SessionAction } from '../../../src/protocol/common/enums.ts';
import { type Command, defineGroup } from '../../command.ts';
import { actionCommand } from './action.ts';
import { create } from './create.ts';
import { remove } from './delete.ts';
import { deliver } from './deliver.ts';
import { diff } from './diff.ts';
import { endTool } from './end-tool.ts';
import { files } from './files.ts';
import { graph } from './graph.ts';
import { list } from './list.ts';
import { rate } from './rate.ts';
import { send } from './send.ts';
import { show } from './show.ts';
import { watch } from './watch.ts';

/** Actions that need no body. `complete` and `fail` are for external executors, which use the API. */
const actions = SessionAction().options.filter((action) => action !== 'complete' && action !== 'fail');

export const session = defineGroup('session', 'Create, list, watch and steer sessions', {
  create,
  list,
  show,
  watch,
  graph,
  diff,
  deliver,
  files,
  send,
  'end-tool': endTool,
  rate,
  delete: remove,
  ...Object.fromEntries(actions.map((action): [string, Command] => [action, actionCommand(action)])),
});
