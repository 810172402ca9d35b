import { ToolVariableError, toolEnvironment } from '../runner/opencode/tool-environment.ts';
import { CliError, exitCode } from './command.ts';

/** The option that adds variables to the environment of tools. */
export const envOption = {
  type: 'string',
  multiple: true,
  placeholder: 'name',
  description: 'A variable that tools get too, such as JAVA_HOME (docs/agents.md lists those that they get anyway)',
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
