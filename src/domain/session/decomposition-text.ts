import type { DecompositionStep } from '../../protocol/session/decomposition.ts';

/** How far a task is split, in a sentence or two, for logs and transcripts. */
export function decompositionText({ state, strategy, template, attempt, reason }: DecompositionStep): string {
  const why = reason === null ? '' : ` ${attempt > 0 ? 'The plan of the agent was not used: ' : ''}${reason}`;
  switch (state) {
    case 'planning':
      return `An agent is asked for ${attempt > 1 ? 'another plan' : 'a plan'}.${why}`;
    case 'undivided':
      return `The task is not split.${why}`;
    case 'applied':
      return `The task is split by ${template ? `the template ${template}` : howTo(strategy)}.${why}`;
  }
}

function howTo(strategy: DecompositionStep['strategy']): string {
  return strategy === 'agent' ? 'the plan of an agent' : `the strategy ${strategy}`;
}
