import type { ObjectKit } from '../kit/runtime.ts';
import type { Actions } from './actions.ts';
import type { Approvals } from './approvals.ts';
import type { Artifacts } from './artifacts.ts';
import type { Assignments } from './assignments.ts';
import type { Attempts } from './attempts.ts';
import type { Checkpoints } from './checkpoints.ts';
import type { Checks } from './checks.ts';
import type { SessionConfig } from './config.ts';
import type { Decisions } from './decisions.ts';
import type { Deliveries } from './delivery/deliveries.ts';
import type { DeliveryTasks } from './delivery/delivery-tasks.ts';
import type { Files } from './files.ts';
import type { Decompositions } from './graph/decompositions.ts';
import type { EditedFiles } from './graph/edited-files.ts';
import type { Gates } from './graph/gates.ts';
import type { GraphChanges } from './graph/graph-changes.ts';
import type { NewTasks } from './graph/new-tasks.ts';
import type { PartRows } from './graph/part-rows.ts';
import type { Planners } from './graph/planners.ts';
import type { Scheduler } from './graph/scheduler.ts';
import type { SessionGraph } from './graph/session-graph.ts';
import type { Splits } from './graph/splits.ts';
import type { StoredGraph } from './graph/stored-graph.ts';
import type { TaskActions } from './graph/task-actions.ts';
import type { TaskDetails } from './graph/task-details.ts';
import type { TaskEdits } from './graph/task-edits.ts';
import type { TaskViews } from './graph/task-views.ts';
import type { Leases } from './leases.ts';
import type { EventLog } from './log/event-log.ts';
import type { Watchers } from './log/watchers.ts';
import type { Messages } from './messages.ts';
import type { Overdue } from './overdue.ts';
import type { Projections } from './projections.ts';
import type { SessionRecords } from './records.ts';
import type { Reservations } from './reservations.ts';
import type { AgentFrames } from './run/agent-frames.ts';
import type { AgentStream } from './run/agent-stream.ts';
import type { Claims } from './run/claims.ts';
import type { Commands } from './run/commands.ts';
import type { EditWatch } from './run/edit-watch.ts';
import type { Passes } from './run/passes.ts';
import type { Refusals } from './run/refusals.ts';
import type { Results } from './run/results.ts';
import type { Runs } from './runs.ts';
import type { Tasks } from './tasks.ts';
import type { Transitions } from './transitions.ts';
import type { SessionViews } from './views.ts';
import type { Conflicts } from './works/conflicts.ts';
import type { Integration } from './works/integration.ts';
import type { Works } from './works/works.ts';

/**
 * The parts of a session's object, in the order in which they are built. The constructor of a part picks the parts that
 * it uses, so the compiler rejects an order in which one of them does not exist yet.
 *
 * @example
 * type Needs = Pick<SessionParts, 'kit' | 'records'>;
 * class Refusals {
 *   readonly #parts: Needs;
 *   constructor(parts: Needs) {
 *     this.#parts = parts;
 *   }
 * }
 */
export interface SessionParts {
  config: SessionConfig;
  kit: ObjectKit;
  records: SessionRecords;
  details: TaskDetails;
  graph: SessionGraph;
  editedFiles: EditedFiles;
  works: Works;
  log: EventLog;
  watchers: Watchers;
  taskViews: TaskViews;
  views: SessionViews;
  commands: Commands;
  artifacts: Artifacts;
  files: Files;
  checkpoints: Checkpoints;
  projections: Projections;
  approvals: Approvals;
  gates: Gates;
  deliveryTasks: DeliveryTasks;
  assignments: Assignments;
  messages: Messages;
  checks: Checks;
  reservations: Reservations;
  leases: Leases;
  passes: Passes;
  scheduler: Scheduler;
  storedGraph: StoredGraph;
  conflicts: Conflicts;
  integration: Integration;
  transitions: Transitions;
  attempts: Attempts;
  runs: Runs;
  tasks: Tasks;
  changes: GraphChanges;
  newTasks: NewTasks;
  partRows: PartRows;
  splits: Splits;
  planners: Planners;
  decompositions: Decompositions;
  taskEdits: TaskEdits;
  taskActions: TaskActions;
  decisions: Decisions;
  actions: Actions;
  deliveries: Deliveries;
  claims: Claims;
  refusals: Refusals;
  results: Results;
  editWatch: EditWatch;
  frames: AgentFrames;
  stream: AgentStream;
  overdue: Overdue;
}
