import type { Repository } from '../git/repository.ts';
import type { Worktree } from '../git/worktree.ts';
import { BoundedOutput } from '../process/bounded-output.ts';
import { endOfWorktree, worktreeMark } from '../process/lease-mark.ts';
import { type CommandEnd, runAsTool } from '../process/run-as-tool.ts';
import { cacheKey, SetupCache } from './cache.ts';
import { PROJECT_FILE, recipeOf, type SetupChoice, type SetupRecipe } from './recipe.ts';

const MAX_TAIL_CHARS = 1_400;

export interface SetupOptions {
  choice: SetupChoice;
  cacheDirectory: string;
  /** What OpenCode starts its tools with; see `runAsTool`. */
  environment(): Record<string, string>;
  log(line: string): void;
}

export interface SetupRun {
  worktree: Pick<Worktree, 'path' | 'base'>;
  repository: Pick<Repository, 'readFile' | 'rootCommit' | 'remotes'>;
  /** Whether the worktree is as its base commit, so that no model has changed what the set-up makes. */
  isPristine: boolean;
  signal: AbortSignal;
  /** The same set-up runs in another worktree. */
  waiting(recipe: SetupRecipe): void;
  started(recipe: SetupRecipe): void;
}

/** How a set-up ended, its command, and the end of what it printed. `cached`: the command did not run. */
export type SetupEnd = (({ type: 'ran'; tail: string } & CommandEnd) | { type: 'cached' }) & { recipe: SetupRecipe };

/** What the next prompt says of a set-up that failed. */
export function setupNotice(why: string): string {
  return `The set-up of this worktree failed, so dependencies may be missing. ${why}\nIf the task needs them, mend or repeat the set-up, or say in your answer what you could not do.`;
}

/** Sets up the worktrees of one agent, as its repository or its person says. */
export class Setup {
  readonly #options: SetupOptions;
  readonly #cache: SetupCache;
  /** By key: the end of the first run whose result the cache will have. */
  readonly #filling = new Map<string, Promise<void>>();

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
  async run(run: SetupRun): Promise<SetupEnd | null> {
    const { worktree, repository, isPristine, signal } = run;
    const { choice } = this.#options;
    const text = choice === 'off' ? null : await repository.readFile(worktree.base, PROJECT_FILE);
    const recipe = recipeOf(choice, text);
    if (recipe === null) return null;
    const environment = this.#options.environment();
    const command = () => this.#runCommand(recipe, environment, run);
    const { cache } = recipe;
    if (!cache) return command();
    const facts = [
      repository.rootCommit ?? repository.remotes.join(' '),
      process.platform,
      process.arch,
      environment.PATH ?? '',
    ];
    const key = await cacheKey(recipe, worktree.path, facts);
    const restore = () => this.#cache.restore(key, worktree.path, cache, signal);
    if (await restore()) return { type: 'cached', recipe };
    const filling = this.#filling.get(key);
    if (filling) {
      run.waiting(recipe);
      await Promise.race([filling, aborted(signal)]);
      if (!signal.aborted && (await restore())) return { type: 'cached', recipe };
    }
    if (!isPristine) return command();
    const filled = command().then(async (end) => {
      if (end.how === 'exited' && end.exitCode === 0) await this.#save(key, cache, run);
      return end;
    });
    return this.#asFirst(key, filled);
  }

  async #runCommand(recipe: SetupRecipe, environment: Record<string, string>, { worktree, signal, started }: SetupRun) {
    signal.throwIfAborted();
    started(recipe);
    const { command, timeout_seconds } = recipe;
    const limitMs = timeout_seconds * 1_000;
    const output = new BoundedOutput({ headChars: 0, tailChars: MAX_TAIL_CHARS });
    const onOutput = (text: string) => output.add(text);
    const options = { command, directory: worktree.path, environment, limitMs, signal, onOutput, keepsServices: true };
    const end = await runAsTool(options);
    if (end.how !== 'exited') await endOfWorktree(worktreeMark(worktree.path));
    return { type: 'ran' as const, recipe, ...end, tail: output.text().trim() };
  }

  async #save(key: string, cache: NonNullable<SetupRecipe['cache']>, { worktree, signal }: SetupRun): Promise<void> {
    await this.#cache
      .save(key, worktree.path, cache, signal)
      .catch((error: Error) => this.#options.log(`the result of the set-up is not cached: ${error.message}`));
  }

  /** Lets others with the same key wait for a run. If it fails, they all run at once, because each may succeed. */
  async #asFirst<T>(key: string, work: Promise<T>): Promise<T> {
    if (this.#filling.has(key)) return work;
    this.#filling.set(
      key,
      work.then(
        () => undefined,
        () => undefined,
      ),
    );
    return work.finally(() => this.#filling.delete(key));
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
