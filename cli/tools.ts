import { ToolVariableError, toolEnvironment } from '../runner/opencode/tool-environment.ts';
import type { SetupChoice } from '../runner/setup/recipe.ts';
import { CliError, exitCode } from './command.ts';

/** The option that adds variables to the environment of tools. */
export const envOption = {
  type: 'string',
  multiple: true,
  placeholder: 'name',
  description: 'A variable to pass to tools, such as JAVA_HOME (docs/agents.md lists those that they always get)',
} as const;

/**
 * The environment of the agent's tools.
 *
 * @param added the values of `--env`
 * @throws CliError when a variable cannot be added
 */
export function readTools(added: readonly string[], env: NodeJS.ProcessEnv): Record<string, string> {
  try {
    return toolEnvironment(env, added);
  } catch (error) {
    if (!(error instanceof ToolVariableError)) throw error;
    throw new CliError(`--env: ${error.message}`, exitCode.usage);
  }
}

/** The options that replace the set-up of the repository (`oio.json`). */
export const setupOptions = {
  setup: {
    type: 'string',
    placeholder: 'command',
    description: 'The command that sets up each worktree (the one in the oio.json of the repository)',
  },
  'no-setup': { type: 'boolean', default: false, description: 'Run no set-up' },
} as const;

/** Reads `--setup` and `--no-setup`. @throws CliError if both are set, or if the command is empty */
export function readSetup(values: { setup?: string | undefined; 'no-setup': boolean }): SetupChoice {
  const { setup: command, 'no-setup': isOff } = values;
  if (command === undefined) return isOff ? 'off' : 'repository';
  if (isOff) throw new CliError('Set either --setup or --no-setup.', exitCode.usage);
  if (command.trim() !== '') return { command };
  throw new CliError('--setup needs a command, such as --setup "npm ci".', exitCode.usage);
}
