import { posix } from 'node:path';
import * as z from 'zod';
import { type Infer, schema } from '../../src/protocol/common/schema.ts';

/** The file of a repository that says how agents work in it. */
export const PROJECT_FILE = 'oio.json';

const MAX_COMMAND_CHARS = 10_000;
const MAX_PATHS = 20;

/** A path inside the worktree, and not in git's own directory. */
const InnerPath = schema(() =>
  z.string().refine((path) => isInside(path), { error: 'must be a path inside the repository, such as node_modules' }),
);

const SetupRecipe = schema(() =>
  z.strictObject({
    command: z.string().trim().min(1).max(MAX_COMMAND_CHARS),
    timeout_seconds: z.int().min(1).max(7_200).default(600),
    cache: z
      .strictObject({
        paths: z.array(InnerPath()).min(1).max(MAX_PATHS),
        key_files: z.array(InnerPath()).min(1).max(MAX_PATHS),
      })
      .optional(),
  }),
);

/** How a worktree is set up: the command, its limit, and what of its result is kept for other worktrees. */
export type SetupRecipe = Infer<typeof SetupRecipe>;

const ProjectFile = schema(() => z.looseObject({ setup: SetupRecipe().optional() }));

/** The set-up as the person chose it for the agent: the repository's own, another command, or none. */
export type SetupChoice = 'repository' | 'off' | { command: string };

/** The recipe cannot be used; the message says why. */
export class RecipeError extends Error {
  override name = 'RecipeError';
}

/**
 * The recipe for a worktree, or null if there is none.
 *
 * @param text the content of `oio.json`; null if the repository has none
 * @throws RecipeError when the file is not valid
 */
export function recipeOf(choice: SetupChoice, text: string | null): SetupRecipe | null {
  if (choice === 'off') return null;
  const ofRepository = text === null ? null : parse(text);
  if (choice === 'repository') return ofRepository;
  return { timeout_seconds: 600, ...ofRepository, command: choice.command };
}

function parse(text: string): SetupRecipe | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new RecipeError(`${PROJECT_FILE} is not valid JSON: ${(error as Error).message}`);
  }
  const parsed = ProjectFile().safeParse(value);
  if (parsed.success) return parsed.data.setup ?? null;
  const [issue] = parsed.error.issues;
  throw new RecipeError(`${PROJECT_FILE} is not valid: ${[...(issue?.path ?? []), issue?.message].join(': ')}`);
}

function isInside(path: string): boolean {
  const normal = posix.normalize(path);
  const [first] = normal.split('/');
  return path !== '' && !path.includes('\0') && !path.startsWith('/') && !['.', '..', '.git'].includes(first ?? '');
}
