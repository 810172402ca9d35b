import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { truncated } from '../../src/protocol/common/text.ts';
import type { Assignment } from '../../src/protocol/run/assignment.ts';
import type { AgentFrameBody } from '../../src/protocol/run/frames.ts';
import type { Work } from '../../src/protocol/run/start.ts';
import { endingGitWith } from '../git/git.ts';
import { isKept, originOf, unmarkKept } from '../git/kept-worktrees.ts';
import type { MergeConflict } from '../git/merge.ts';
import type { Repository } from '../git/repository.ts';
import type { Worktree } from '../git/worktree.ts';
import type { LeaseTools, OpenTools } from '../mcp/lease-tools.ts';
import { note } from '../note.ts';
import { transcript } from '../opencode/conversation-parts.ts';
import { Mapping } from '../opencode/mapping/mapping.ts';
import { endOfWorktree, worktreeMark } from '../process/lease-mark.ts';
import { makeTemporary, removeTemporary } from '../process/temporary-directory.ts';
import { unlessAborted } from '../process/unless-aborted.ts';
import { setupNotice } from '../setup/setup.ts';
import { Approvals } from './approvals.ts';
import { fetchVerified } from './artifact-bytes.ts';
import { Checkpoints } from './checkpoints.ts';
import { WorkContextError } from './failures.ts';
import type { LeaseClose } from './lease-work.ts';
import type { McpServers } from './mcp-servers.ts';
import { openWorktree } from './open-worktree.ts';
import type { ExportedConversation, OpenCodePort } from './opencode-port.ts';
import { permissionRules } from './permissions.ts';
import { conflictNotice } from './resolving.ts';
import { goneOf, lossNotice, type Restoration } from './restoration.ts';
import { ToolProcesses } from './tool-processes.ts';
import { worktreePath } from './worktree-path.ts';

export interface WorkContextDependencies {
  opencode: OpenCodePort;
  repository: Repository;
  /** The parent directory of worktrees; each (task, epoch) gets one. */
  worktreesDirectory: string;
  fetchArtifact: (artifactId: string) => Promise<Uint8Array>;
  /** Opens the tools by which the model reaches contexts and locks; without it, it has none. */
  openTools?: OpenTools;
  report: (frame: AgentFrameBody) => void;
  /** Whether the session has stored the checkpoint that was just reported; null when the lease is over before it says. */
  saved: () => Promise<boolean | null>;
  /** The worktree that the lease before has left for this one; null if there is none. */
  takeOver?: () => Worktree | null;
  log: (line: string) => void;
}

/** The worktree, conversation and helpers of one lease. */
export interface WorkContext {
  worktree: Worktree;
  /** The directory in which the agent works: the worktree, or a directory inside it. */
  directory: string;
  conversationId: string;
  mapping: Mapping;
  approvals: Approvals;
  checkpoints: Checkpoints;
  processes: ToolProcesses;
  /** Whether the worktree is the base commit, without the work of an earlier lease. */
  isPristine: boolean;
  /** Whether an earlier lease has prepared the worktree to the end. */
  isWorktreePrepared: boolean;
  /** Whether the lease is ready for a prompt; see `prepareWork`. */
  isPrepared: boolean;
  /** Null until the lease is prepared. */
  mcpServers: McpServers | null;
  /** The model's tools for contexts and claims under this lease; null if it has none. */
  tools: LeaseTools | null;
  /** A transcript that goes before the first prompt, if the earlier conversation could not be imported; else null. */
  preface: string | null;
  /** What the worktree has of the work before this lease. */
  restoration: Restoration;
  /** The works of other tasks with which the worktree began. */
  startsFrom: readonly Work[];
  /** The conflict of works that this lease is to resolve with its model; null if there is none. */
  conflict: MergeConflict | null;
  /** What the next prompt tells the model of work that is gone, and of a set-up that failed; null when it need not be told. */
  notice: string | null;
}

/**
 * Creates the worktree and the conversation of a lease, from its checkpoint if it has one. If a part of the checkpoint
 * cannot be restored, the work starts without it. Then `restoration` and a note in the session's log say what is gone.
 *
 * @param signal gives up, ends all processes, and removes what was made
 * @throws WorkContextError or RepositoryError when this agent or its clone cannot do the work, however often it tries; the
 *   signal's reason
 */
export async function openWorkContext(
  assignment: Assignment,
  dependencies: WorkContextDependencies,
  signal: AbortSignal,
): Promise<WorkContext> {
  const { repository, worktreesDirectory, fetchArtifact } = dependencies;
  const left = dependencies.takeOver?.() ?? null;
  const abortable = { ...dependencies, fetchArtifact: (id: string) => unlessAborted(signal, fetchArtifact(id)) };
  return open(assignment, { ...abortable, takeOver: () => left }, signal).catch(async (error: Error) => {
    const path = left?.path ?? worktreePath(worktreesDirectory, assignment);
    // A filter can have left the group of its git command.
    if (existsSync(path)) await endOfWorktree(worktreeMark(path));
    if (!isKept(path)) await repository.removeWorktree(path).catch(() => undefined);
    throw error;
  });
}

async function open(
  assignment: Assignment,
  dependencies: WorkContextDependencies,
  signal: AbortSignal,
): Promise<WorkContext> {
  const { opencode, report, log } = dependencies;
  const { model } = assignment.agent_config;
  if (model !== undefined && !(await unlessAborted(signal, opencode.listModels())).includes(model)) {
    throw new WorkContextError(`This agent's OpenCode has no model ${model}.`);
  }
  const opened = await endingGitWith(signal, () => openWorktree(assignment, dependencies));
  const { worktree, beginning, restoration } = opened;
  signal.throwIfAborted();
  const loss = lossNotice(restoration);
  if (loss !== null) report(note('error', loss));
  const directory = await workDirectory(worktree, assignment.repository.directory ?? '.', report);
  await unlessAborted(signal, checkAgent(assignment.agent_config.agent, directory, opencode));
  const opening = openConversation(assignment, directory, dependencies);
  const { conversationId, preface } = await unlessAborted(signal, opening).catch((error) => {
    // OpenCode may be slow, and may create it all the same.
    void opening.then((late) => opencode.forgetConversation(late.conversationId)).catch(() => undefined);
    throw error;
  });
  const { max_conversation_parts: maxConversationParts = 1, takes_tool_output: takesToolOutput = false } = assignment;
  const mapping = new Mapping(conversationId, directory, { takesToolOutput });
  mapping.skip(await opencode.messages(conversationId));
  const checkpoints = new Checkpoints(
    {
      opencode,
      worktree,
      conversationId,
      lease: { task_id: assignment.task_id, epoch: assignment.epoch, origin: originOf(assignment) },
      maxConversationParts,
      commitOf: beginning.commitOf,
      report,
      saved: dependencies.saved,
    },
    goneOf(restoration),
    opened.startCommit,
  );
  const approvals = new Approvals(opencode, directory, report);
  const processes = new ToolProcesses({ opencode, worktree: worktree.path, mapping, report, log });
  const prepared = await worktree.prepared();
  const notices = [
    conflictNotice(beginning.conflict),
    loss,
    prepared === null || prepared === '' ? null : setupNotice(prepared),
  ].filter((one) => one !== null);
  // At last, so that nothing fails after it.
  const temporary = await makeTemporary(worktree.path);
  return {
    worktree,
    directory,
    conversationId,
    mapping,
    approvals,
    checkpoints,
    processes,
    isPristine: opened.isPristine,
    isWorktreePrepared: prepared !== null,
    isPrepared: false,
    mcpServers: null,
    tools: dependencies.openTools?.(assignment, temporary) ?? null,
    preface,
    restoration,
    startsFrom: beginning.others,
    conflict: beginning.conflict,
    notice: notices.length === 0 ? null : notices.join('\n\n'),
  };
}

/** The repository's own configuration can define agents, so they are known in its directory only. */
async function checkAgent(name: string | undefined, directory: string, opencode: OpenCodePort): Promise<void> {
  if (name === undefined) return;
  const names = await opencode.listAgents(directory);
  if (names.includes(name)) return;
  throw new WorkContextError(
    `OpenCode has no agent ${truncated(name, 100)}. It has ${truncated(names.join(', '), 500)}.`,
  );
}

/** The directory in which the agent works. Notes what the files there lack. */
async function workDirectory(
  { path, base, unfilled, filterFailure }: Worktree,
  name: string,
  report: WorkContextDependencies['report'],
): Promise<string> {
  const advice = 'Run "git submodule update --init --recursive" in the clone of the agent.';
  if (unfilled.length > 0) {
    const names = unfilled.map((module) => `${module.path} (${module.commit.slice(0, 10)})`).join(', ');
    report(note('warning', `Submodules are empty, because the clone does not have their commits: ${names}. ${advice}`));
  }
  if (filterFailure !== null) {
    const cause = truncated(filterFailure.replaceAll(/\s+/g, ' '), 300);
    report(
      note(
        'warning',
        `A filter in the clone's git configuration fails, so its files have what git stores for them, such as pointers of Git LFS. Install its program on the agent's machine, or remove the filter. Git says: ${cause}`,
      ),
    );
  }
  const directory = join(path, name);
  const empty = unfilled.find((module) => `${directory}/`.startsWith(`${join(path, module.path)}/`));
  if (empty !== undefined) {
    throw new WorkContextError(`The directory ${name} is in the submodule ${empty.path}, which is empty. ${advice}`);
  }
  if ((await stat(directory).catch(() => null))?.isDirectory()) return directory;
  throw new WorkContextError(`The repository has no directory ${name} at ${base}.`);
}

/** Ends the processes of the lease's commands. A checkpoint that is being taken is finished before, because it has some. */
export async function endTools({ checkpoints, processes }: WorkContext): Promise<void> {
  await checkpoints.idle();
  await processes.endAll();
}

/**
 * Removes what the lease has on this machine. Worktree and conversation stay if they hold the only copy of the work,
 * unless the session was deleted.
 * @returns the worktree, if the next lease starts from its work
 */
export async function closeWorkContext(
  context: WorkContext,
  { opencode, repository, log }: WorkContextDependencies,
  { isDeleted = false, next = null }: LeaseClose,
): Promise<Worktree | null> {
  const { worktree, directory, conversationId, checkpoints, tools } = context;
  await tools?.close();
  await checkpoints.settled();
  const isNeeded = !checkpoints.isWorkSafe && !isDeleted;
  if (!isNeeded) await opencode.forgetConversation(conversationId).catch(() => undefined);
  const staysFor = next !== null && !isDeleted && checkpoints.isStartOf(next);
  if (!staysFor) await opencode.releaseDirectory(directory).catch(() => undefined);
  await endTools(context);
  await removeTemporary(worktree.path).catch((error: Error) =>
    log(`the temporary directory of a lease cannot be removed: ${error.message}`),
  );
  if (staysFor) return worktree;
  if (isNeeded) {
    log(`keeping the worktree ${worktree.path}: it holds the only copy of the work`);
    return null;
  }
  await repository.removeWorktree(worktree.path);
  unmarkKept(worktree.path);
  return null;
}

async function openConversation(
  assignment: Assignment,
  directory: string,
  { opencode, fetchArtifact, report }: WorkContextDependencies,
): Promise<{ conversationId: string; preface: string | null }> {
  const permissions = permissionRules(assignment.agent_config.permissions, assignment.kind);
  const options = { directory, title: assignment.title, permissions };
  const { checkpoint } = assignment;
  const id = checkpoint?.conversation_artifact_id ?? null;
  if (checkpoint === null || id === null) {
    return { conversationId: await opencode.createConversation(options), preface: null };
  }
  const earlier: Uint8Array[] = [];
  for (const { artifact_id, sha256 } of checkpoint.conversation_parts ?? [])
    earlier.push(await fetchVerified(fetchArtifact, artifact_id, sha256));
  const exported: ExportedConversation = {
    format: checkpoint.conversation_format ?? '',
    bytes: await fetchVerified(fetchArtifact, id, checkpoint.conversation_sha256),
    earlier,
  };
  try {
    return { conversationId: await opencode.importConversation(exported, options), preface: null };
  } catch (error) {
    const text = transcript(exported);
    const how =
      text === ''
        ? 'and nothing of it can be read, so the work goes on without it'
        : 'so it continues from a transcript';
    report(note('warning', `The conversation could not be imported, ${how}: ${error}`));
    return { conversationId: await opencode.createConversation(options), preface: text === '' ? null : text };
  }
}
