import type { Call } from '../../../src/ports/calls.ts';
import type { NewContext } from '../../../src/ports/contexts.ts';
import type { ContextData } from '../../../src/protocol/context/context.ts';
import { ContextInProcess } from '../../support/context-in-process.ts';
import type { NodePlatform } from '../../support/node-platform.ts';
import { valueIn } from '../../support/value-in.ts';
import { callIn } from '../ports/workspace.contract.ts';

export const CONTEXT: NewContext = {
  ...{ id: '3f0e1f5e-8a52-4f0c-9d0b-0d6f3a1b2c3d', scope: 'global', session_id: null, agent_id: null, name: 'main' },
};
export const CALL = callIn('default');

/** A context of the workspace. */
export function home(data: ContextData = {}, platform?: NodePlatform): ContextInProcess {
  const context = new ContextInProcess(platform);
  valueIn(context.runtime.create(CALL, CONTEXT, data));
  return context;
}

export const update = (
  { runtime }: ContextInProcess,
  updates: ContextData,
  expected_version?: number,
  call: Call = CALL,
) => runtime.update(call, { updates, expected_version });
