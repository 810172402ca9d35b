/** The rules of one kind of approval. The file has no schemas, so that browsers need not load zod for it. */
export interface ApprovalRules {
  /** Who may raise the kind: agents, by a frame; or only the session itself. */
  raised_by: 'agent' | 'session';
  /** The allowed decisions. `always` is remembered for the rest of the session. */
  decisions: readonly ('once' | 'always' | 'reject')[];
  /**
   * The decision when nobody answers in time: a fixed one, or the session's `approval_default`. Null: it waits without an
   * end.
   */
  on_expiry: 'once' | 'reject' | 'approval_default' | null;
  /** The decision `once`, as people read it. */
  once_text: string;
  /** Whether every decision but `reject` must bring labels for each of the approval's questions. */
  needs_answers: boolean;
  /** Whether each answer must be one of the labels of its question. */
  only_options?: boolean;
}

/** The kinds of approvals with their rules. To add a kind, add a row. */
export const APPROVAL_KINDS = {
  /** The agent wants to use a tool. */
  permission: {
    raised_by: 'agent',
    decisions: ['once', 'always', 'reject'],
    on_expiry: 'approval_default',
    once_text: 'allowed once',
    needs_answers: false,
  },
  /** The agent has a question. */
  question: {
    raised_by: 'agent',
    decisions: ['once', 'reject'],
    on_expiry: 'reject',
    once_text: 'answered',
    needs_answers: true,
  },
  /** A task may start only when a person has approved it. It never starts because nobody has answered. */
  task_gate: {
    raised_by: 'session',
    decisions: ['once', 'reject'],
    on_expiry: 'reject',
    once_text: 'approved',
    needs_answers: false,
  },
  /**
   * The works with which a task would begin conflict. An agent resolves that meanwhile; a person may answer first, with a
   * side for each file, or let the task fail.
   */
  conflict: {
    raised_by: 'session',
    decisions: ['once', 'reject'],
    on_expiry: null,
    once_text: 'answered',
    needs_answers: true,
    only_options: true,
  },
} as const satisfies Record<string, ApprovalRules>;

/** Rules by kind: `APPROVAL_KINDS`, or a test's table. */
export type ApprovalKindTable = Readonly<Record<string, ApprovalRules>>;

type Kinds = typeof APPROVAL_KINDS;
/** The kinds that an agent may raise. */
export type KindOfAgent = {
  [K in keyof Kinds]: Kinds[K]['raised_by'] extends 'agent' ? K : never;
}[keyof Kinds];

/**
 * The kinds in `table` that an agent may raise.
 *
 * @example
 * kindsOfAgents(APPROVAL_KINDS); // ['permission', 'question']
 */
export function kindsOfAgents<Table extends ApprovalKindTable>(table: Table): (keyof Table & string)[] {
  return Object.keys(table).filter((kind) => table[kind]?.raised_by === 'agent');
}
