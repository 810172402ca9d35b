import type { Repository } from '../git/repository.ts';
import type { Worktree } from '../git/worktree.ts';
import { cacheKey, SetupCache } from './cache.ts';
import { PROJECT_FILE, recipeOf, type SetupChoice, type SetupRecipe } from './recipe.ts';
import { type CommandEnd, runAsTool } from './run-command.ts';

export interface SetupOptions {
  choice: SetupChoice;
  cacheDirectory: string;
  /** What OpenCode starts its tools with; see `runAsTool`. */
  environment(): Record<string, string>;
  log(line: string): void;
}

export interface SetupRun {
  worktree: Pick<Worktree, 'path' | 'base'>;
  repository: Pick<Repository, 'readFile' | 'rootCommit'>;
  /** Whether the worktree is as its base commit, so that no model has changed what the set-up makes. */
  isPristine: boolean;
  signal: AbortSignal;
  started(recipe: SetupRecipe): void;
}

/** How a set-up ended, and its command. `cached`: the command did not run. */
export type SetupEnd = (({ type: 'ran' } & CommandEnd) | { type: 'cached' }) & { recipe: SetupRecipe };

/** Sets up the worktrees of one agent, as its repository or its person says. */
export class Setup {
  readonly #options: SetupOptions;
  readonly #cache: SetupCache;

  constructor(options: SetupOptions) {
    this.#options = options;
    this.#cache = new SetupCache(options.cacheDirectory);
  }

  /**
   * Sets up a worktree. The recipe is the one of the base commit, so that a model cannot change it.
   *
   * @returns null when there is nothing to do
   * @throws RecipeError when the repository's recipe is not valid; another error when the command cannot start
   */
  async run({ worktree, repository, isPristine, signal, started }: SetupRun): Promise<SetupEnd | null> {
    const { choice, log } = this.#options;
    const text = choice === 'off' ? null : await repository.readFile(worktree.base, PROJECT_FILE);
    const recipe = recipeOf(choice, text);
    if (recipe === null) return null;
    const { cache, command, timeout_seconds } = recipe;
    const environment = this.#options.environment();
    const facts = [repository.rootCommit, process.platform, process.arch, environment.PATH ?? ''];
    const key = cache ? await cacheKey(recipe, worktree.path, facts) : '';
    if (cache && (await this.#cache.restore(key, worktree.path, cache, signal))) return { type: 'cached', recipe };
    signal.throwIfAborted();
    started(recipe);
    const limitMs = timeout_seconds * 1_000;
    const end = await runAsTool({ command, worktree: worktree.path, environment, limitMs, signal });
    if (cache && isPristine && end.how === 'exited' && end.exitCode === 0) {
      await this.#cache
        .save(key, worktree.path, cache, signal)
        .catch((error: Error) => log(`the result of the set-up is not cached: ${error.message}`));
    }
    return { type: 'ran', recipe, ...end };
  }
}
