import { defineGroup } from '../../command.ts';
import { diff } from './diff.ts';
import { get } from './get.ts';
import { history } from './history.ts';
import { list } from './list.ts';
import { resolve } from './resolve.ts';
import { set } from './set.ts';

export const context = defineGroup('context', 'Read and change what people and agents share', {
  list,
  get,
  set,
  history,
  diff,
  resolve,
});
