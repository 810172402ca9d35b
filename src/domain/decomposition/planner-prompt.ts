import { Capability } from '../../protocol/common/enums.ts';
import { MAX_PLANNED_TASKS } from '../../protocol/common/limits.ts';
import { truncated } from '../../protocol/common/text.ts';
import type { Subject } from './parts.ts';

/** The most of the task's description that its planner is told. */
const MAX_DESCRIPTION_CHARS = 80_000;

/** The prompt of an agent that is to propose the parts of a task. */
export function plannerPrompt({ title, description, estimate }: Subject): string {
  const hours = estimate === null ? '' : `\n\nIt is expected to take ${estimate.likely_hours} hours in all.`;
  return `Split a task into smaller tasks that several coding agents can do, at the same time where possible. Look at the repository as far as you need to, but change no file: your changes are discarded.

Answer with one JSON object and nothing else, in this form:

{"tasks": [{"name": "orders-api", "title": "Write the orders API", "description": "The prompt of the agent that does it.", "depends_on": [], "required_capabilities": ["api_development"], "estimated_hours": 2, "paths": ["src/orders/**"]}]}

- There are 1 to ${MAX_PLANNED_TASKS} tasks. A name has letters, digits, - and _ and is used once.
- \`description\` is all that its agent is told, so it must be understood alone.
- \`depends_on\` has the names of the tasks that must be done first. The agent starts with their files. No task may wait for itself.
- \`paths\` are the files that the task will change, with *, ** and ?. Tasks that can run at the same time must not share files. Put a file that many others need into one task, before the tasks that need it.
- \`required_capabilities\` are among these: ${Capability().options.join(', ')}.

The task is “${title}”:

${truncated(description, MAX_DESCRIPTION_CHARS)}${hours}`;
}

/** The prompt after a plan that cannot be used. It names the problems and asks for a corrected plan. */
export function correctionPrompt(problems: readonly string[]): string {
  return `The plan cannot be used:\n\n${problems.map((problem) => `- ${problem}`).join('\n')}\n\nAnswer with the whole corrected plan as one JSON object, and nothing else.`;
}
