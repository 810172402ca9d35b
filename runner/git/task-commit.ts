import { createHash } from 'node:crypto';

/** What decides a commit of a session's work. */
export interface CommitFacts {
  tree: string;
  /** The commits of the tasks before it in the graph's order, or the base commit. */
  parents: readonly string[];
  /** When the session's base commit was committed, in seconds since the epoch. */
  seconds: number;
  message: string;
}

const PERSON = 'OpenCode Industrial Orchestrator <agents@oio.invalid>';
const SHA256_DIGITS = 64;

/** The message of the commit with a task's work. */
export function workMessage(taskId: string): string {
  return `Work of task ${taskId}`;
}

/**
 * The bytes of a commit object. Nothing in them depends on the machine, so every clone makes the same object: the author
 * is fixed, and the time is that of the base commit.
 */
export function commitText({ tree, parents, seconds, message }: CommitFacts): string {
  const signature = `${PERSON} ${seconds} +0000`;
  const header = [
    `tree ${tree}`,
    ...parents.map((parent) => `parent ${parent}`),
    `author ${signature}`,
    `committer ${signature}`,
  ];
  return `${header.join('\n')}\n\n${message}\n`;
}

/**
 * The hash of a commit, as git computes it: that of its length and its bytes, in the object format of the tree's hash.
 * The commit need not exist (gitformat-loose(5)).
 */
export function commitId(facts: CommitFacts): string {
  const content = Buffer.from(commitText(facts));
  const format = facts.tree.length === SHA256_DIGITS ? 'sha256' : 'sha1';
  return createHash(format).update(`commit ${content.byteLength}\0`).update(content).digest('hex');
}
