import type { AgentFrameBody } from '../../src/protocol/run/frames.ts';
import { endingGitWith } from '../git/git.ts';
import type { Included } from '../git/included-files.ts';
import { INCLUDE_FILE } from '../git/included-files.ts';
import type { Repository } from '../git/repository.ts';
import { TOOL_CALL_MS } from '../mcp/lease-tools.ts';
import { TOOLS_NAME } from '../mcp/tool-definitions.ts';
import { note } from '../note.ts';
import { whyHooksDoNotRun } from '../setup/hooks.ts';
import { type Setup, type SetupEnd, setupNotice } from '../setup/setup.ts';
import { hubsNotice, importHubs } from './import-hubs.ts';
import { McpServers } from './mcp-servers.ts';
import type { OpenCodePort } from './opencode-port.ts';
import { contextNotice } from './shared-context.ts';
import type { WorkContext } from './work-context.ts';

const MAX_NAMES = 10;
const MAX_COMMAND_CHARS = 200;

type Report = (frame: AgentFrameBody) => void;

export interface PreparationDependencies {
  opencode: OpenCodePort;
  repository: Repository;
  setup: Setup;
  /** Whether the lease is to make a plan, and must know what many files need. */
  isPlanning: boolean;
  report: Report;
  /** Ends the preparation when it resolves. */
  ending: Promise<void>;
}

/**
 * Prepares a lease for its first prompt: prepares its worktree if no lease has, and only then lets MCP servers be
 * connected, which may need what the set-up has installed.
 */
export async function prepareWork(context: WorkContext, dependencies: PreparationDependencies): Promise<void> {
  if (context.isPrepared) return;
  context.isPrepared = true;
  const { opencode, report, ending } = dependencies;
  const ended = new AbortController();
  void ending.then(() => ended.abort());
  if (!context.isWorktreePrepared)
    await endingGitWith(ended.signal, () => prepareWorktree(context, dependencies, ended.signal));
  if (dependencies.isPlanning && !ended.signal.aborted) await tellOfHubs(context);
  if (!ended.signal.aborted) await tellOfContexts(context, report);
  const own = context.tools && { name: TOOLS_NAME, url: context.tools.url, timeoutMs: TOOL_CALL_MS };
  context.mcpServers = new McpServers({ opencode, directory: context.directory, own, report, ending });
}

/** Tells a planner which files many others import. It plans without that if they cannot be found. */
async function tellOfHubs(context: WorkContext): Promise<void> {
  const hubs = await importHubs(context.worktree.path).catch(() => []);
  const told = hubsNotice(hubs);
  if (told !== null) addNotice(context, told);
}

/** At last, so that the model has the newest values. */
async function tellOfContexts(context: WorkContext, report: Report): Promise<void> {
  if (context.tools === null) return;
  try {
    const told = await contextNotice(context.tools);
    if (told !== null) addNotice(context, told);
  } catch (error) {
    const why = (error as Error).message;
    report(note('warning', `The model is not told of the shared context, and has its tools for it: ${why}`));
  }
}

/**
 * Prepares a worktree: copies the untracked files that the clone's `.worktreeinclude` names, runs the set-up, and
 * looks at git's hooks. The session's log says what was done. What fails does not stop the work; the next prompt tells
 * the model of a set-up that failed.
 */
async function prepareWorktree(
  context: WorkContext,
  dependencies: PreparationDependencies,
  signal: AbortSignal,
): Promise<void> {
  const { repository, report } = dependencies;
  const { worktree } = context;
  const attempt = (what: string, work: () => Promise<void>) =>
    work().catch((error: Error) => {
      if (!signal.aborted) report(note('warning', `${what} ${error.message}`));
    });
  await attempt(`The files that ${INCLUDE_FILE} names could not be copied:`, async () => {
    const included = await worktree.copyIncluded(repository.directory);
    if (included !== null) reportIncluded(included, report);
  });
  if (signal.aborted) return;
  const failure = await setUp(context, dependencies, signal);
  if (signal.aborted) return;
  await attempt("Git's hooks could not be looked at:", async () => {
    const why = await whyHooksDoNotRun(worktree.path);
    if (why !== null) report(note('warning', why));
  });
  // If this fails, the next lease that continues in the worktree prepares it again.
  await worktree.markPrepared(failure).catch(() => undefined);
}

function reportIncluded({ copied, leftOut, skipped }: Included, report: Report): void {
  if (copied.length === 0) report(note('info', `No untracked file was copied from the clone by ${INCLUDE_FILE}.`));
  else report(note('info', `Copied from the clone, as ${INCLUDE_FILE} says${listed(copied)}.`));
  const large = leftOut.map(({ path }) => path);
  if (large.length > 0) report(note('warning', `Too large to copy from the clone${listed(large)}.`));
  if (skipped.length > 0) report(note('warning', `Could not be copied from the clone${listed(skipped)}.`));
}

/** @returns why the set-up failed; an empty text if it did not */
async function setUp(
  context: WorkContext,
  dependencies: PreparationDependencies,
  signal: AbortSignal,
): Promise<string> {
  const { repository, setup, report } = dependencies;
  const { worktree, isPristine } = context;
  try {
    const end = await setup.run({
      worktree,
      repository,
      isPristine,
      signal,
      waiting: ({ command }) =>
        report(note('info', `Set-up waits for ${shown(command)} in another session, whose result it can use.`)),
      started: ({ command, timeout_seconds }) =>
        report(note('info', `Set-up runs ${shown(command)}, for at most ${timeout_seconds} s.`)),
    });
    if (end === null || signal.aborted) return '';
    await countChanges(context, report);
    const failure = failureOf(end);
    if (failure !== null) return fail(context, report, failure);
    report(note('info', successText(end)));
    return '';
  } catch (error) {
    return signal.aborted ? '' : fail(context, report, (error as Error).message);
  }
}

/** What the set-up has changed is in the session's diff, and is no evidence that the model has done anything. */
async function countChanges({ worktree, checkpoints, isPristine }: WorkContext, report: Report): Promise<void> {
  const changes = await worktree.changes();
  checkpoints.startsFrom(changes);
  const paths = changes.files.map(({ path }) => path);
  if (isPristine && paths.length > 0) {
    const what = `Set-up has changed files that git tracks or does not ignore, so the diff has them${listed(paths)}.`;
    report(note('warning', what));
  }
}

function fail(context: WorkContext, report: Report, why: string): string {
  report(note('error', `Set-up failed, and the work goes on without it. ${why}`));
  addNotice(context, setupNotice(why));
  return why;
}

/** The next prompt begins with the notice. */
function addNotice(context: WorkContext, told: string): void {
  context.notice = context.notice === null ? told : `${context.notice}\n\n${told}`;
}

/** Why the set-up failed; null if it did not. */
function failureOf(end: SetupEnd): string | null {
  if (end.type === 'cached' || (end.how === 'exited' && end.exitCode === 0)) return null;
  const command = shown(end.recipe.command);
  const how =
    end.how === 'timed_out'
      ? `${command} was ended at its limit of ${end.recipe.timeout_seconds} s.`
      : `${command} ended with exit code ${end.exitCode} after ${seconds(end.ms)} s.`;
  return `${how}${outputOf(end.tail)}`;
}

function successText(end: SetupEnd): string {
  const command = shown(end.recipe.command);
  if (end.type === 'cached')
    return `Set-up took ${end.recipe.cache?.paths.join(', ')} from the agent’s cache, so ${command} did not run.`;
  return `Set-up is done: ${command} ended with exit code 0 after ${seconds(end.ms)} s.${outputOf(end.tail)}`;
}

function outputOf(tail: string): string {
  return tail === '' ? ' It printed nothing.' : ` The end of its output:\n${tail}`;
}

function shown(command: string): string {
  return `"${command.length > MAX_COMMAND_CHARS ? `${command.slice(0, MAX_COMMAND_CHARS)}…` : command}"`;
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(1);
}

function listed(paths: readonly string[]): string {
  if (paths.length === 0) return '';
  const rest = paths.length - MAX_NAMES;
  return `: ${paths.slice(0, MAX_NAMES).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}
