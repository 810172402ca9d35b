import type { ObjectPlatform } from '../kit/platform/platform.ts';
import { buildKit } from '../kit/runtime.ts';
import { Actions } from './actions.ts';
import { Approvals } from './approvals.ts';
import { Artifacts } from './artifacts.ts';
import { Assignments } from './assignments.ts';
import { Attempts } from './attempts.ts';
import { Checkpoints } from './checkpoints.ts';
import { Checks } from './checks.ts';
import type { SessionConfig } from './config.ts';
import { Decisions } from './decisions.ts';
import { Deliveries } from './delivery/deliveries.ts';
import { DeliveryTasks } from './delivery/delivery-tasks.ts';
import { type SessionPorts, sessionDestinations } from './destinations.ts';
import { Files } from './files.ts';
import { Decompositions } from './graph/decompositions.ts';
import { EditedFiles } from './graph/edited-files.ts';
import { Gates } from './graph/gates.ts';
import { GraphChanges } from './graph/graph-changes.ts';
import { NewTasks } from './graph/new-tasks.ts';
import { PartRows } from './graph/part-rows.ts';
import { Planners } from './graph/planners.ts';
import { Scheduler } from './graph/scheduler.ts';
import { SessionGraph } from './graph/session-graph.ts';
import { Splits } from './graph/splits.ts';
import { StoredGraph } from './graph/stored-graph.ts';
import { TaskActions } from './graph/task-actions.ts';
import { TaskDetails } from './graph/task-details.ts';
import { TaskEdits } from './graph/task-edits.ts';
import { TaskViews } from './graph/task-views.ts';
import { Leases } from './leases.ts';
import { EventLog } from './log/event-log.ts';
import { Watchers } from './log/watchers.ts';
import { Messages } from './messages.ts';
import { Overdue } from './overdue.ts';
import type { SessionParts } from './parts.ts';
import { Projections } from './projections.ts';
import { SessionRecords } from './records.ts';
import { Reservations } from './reservations.ts';
import { AgentFrames } from './run/agent-frames.ts';
import { AgentStream } from './run/agent-stream.ts';
import { Claims } from './run/claims.ts';
import { Commands } from './run/commands.ts';
import { EditWatch } from './run/edit-watch.ts';
import { Passes } from './run/passes.ts';
import { Refusals } from './run/refusals.ts';
import { Results } from './run/results.ts';
import { Runs } from './runs.ts';
import { SESSION_SCHEMA } from './schema.ts';
import { Tasks } from './tasks.ts';
import { Transitions } from './transitions.ts';
import { SessionViews } from './views.ts';
import { Conflicts } from './works/conflicts.ts';
import { Integration } from './works/integration.ts';
import { Works } from './works/works.ts';

/**
 * Builds the parts in tiers. Each tier uses only the tiers above it. References to later tiers are callbacks: the
 * registry's replies, and `whenPlanEnds`.
 */
export function buildParts(platform: ObjectPlatform, ports: SessionPorts, config: SessionConfig): SessionParts {
  // Storage.
  const destinations = sessionDestinations(ports, {
    reservationEnded: (task, epoch) => kit.store.transact(() => tasks.reservationEnded(task, epoch)),
    mayPass: (task, epoch, ms) => passes.allow({ task, epoch }, ms),
    measured: (times) => kit.store.transact(() => records.measured(times)),
  });
  const kit = buildKit(platform, SESSION_SCHEMA, destinations);
  const records = new SessionRecords({ kit });
  const graph = new SessionGraph({ kit, records });
  const editedFiles = new EditedFiles({ records });
  const details = new TaskDetails({ kit, records });
  const works = new Works({ kit, records, details, graph });
  const storage = { config, kit, records, details, graph, works, editedFiles };

  // The recorded state and its views.
  const log = new EventLog(storage);
  const watchers = new Watchers({ ...storage, log });
  const artifacts = new Artifacts(storage);
  const checkpoints = new Checkpoints({ ...storage, log, artifacts });
  const storedGraph = new StoredGraph({ ...storage, log });
  const deliveryTasks = new DeliveryTasks({ ...storage, log, checkpoints, storedGraph });
  const taskViews = new TaskViews(storage);
  const views = new SessionViews({ ...storage, log, taskViews, deliveryTasks });
  const projections = new Projections({ ...storage, views });
  const recorded = {
    ...storage,
    log,
    watchers,
    artifacts,
    checkpoints,
    storedGraph,
    deliveryTasks,
    taskViews,
    views,
    projections,
  };

  // The parts of a lease: its commands, its agent's files and approvals.
  const commands = new Commands(recorded);
  const files = new Files(recorded);
  const approvals = new Approvals({ ...recorded, commands });
  const messages = new Messages({ ...recorded, commands });
  const checks = new Checks({ ...recorded, messages });
  const gates = new Gates({ ...recorded, approvals });
  const leased = { ...recorded, commands, files, approvals, messages, checks, gates };

  // The parts that change statuses: leases, the graph, tasks, and the session, which follows its tasks.
  const assignments = new Assignments(leased);
  const reservations = new Reservations({ ...leased, assignments });
  const leases = new Leases({ ...leased, reservations });
  const passes = new Passes({ ...leased, reservations, leases });
  const scheduler = new Scheduler({ ...leased, reservations, leases, passes });
  const conflicts = new Conflicts({ ...leased, leases });
  const integration = new Integration(leased);
  const merging = { conflicts, integration };
  const transitions = new Transitions({
    ...leased,
    ...merging,
    scheduler,
    whenPlanEnds: (task) => planners.ended(task),
  });
  const attempts = new Attempts({ ...leased, transitions });
  const runs = new Runs({ ...leased, transitions, leases });
  const tasks = new Tasks({ ...leased, ...merging, transitions, attempts, reservations, leases, passes });
  const moving = {
    ...leased,
    ...merging,
    assignments,
    reservations,
    leases,
    passes,
    scheduler,
    transitions,
    attempts,
    runs,
    tasks,
  };

  // The requests: edits and actions of people, claims and frames of agents, over any transport.
  const changes = new GraphChanges(moving);
  const newTasks = new NewTasks({ ...moving, changes });
  const taskEdits = new TaskEdits({ ...moving, changes });
  const taskActions = new TaskActions({ ...moving, changes });
  const decisions = new Decisions({ ...moving, taskActions });
  const partRows = new PartRows({ ...moving, changes });
  const splits = new Splits({ ...moving, partRows });
  const planners = new Planners({ ...moving, changes, splits });
  const decompositions = new Decompositions({ ...moving, changes, planners, splits });
  const actions = new Actions(moving);
  const deliveries = new Deliveries(moving);
  const claims = new Claims(moving);
  const refusals = new Refusals(moving);
  const results = new Results({ ...moving, planners });
  const editWatch = new EditWatch(moving);
  const frames = new AgentFrames({ ...moving, results, editWatch });
  const splitting = { partRows, splits, planners, decompositions };
  const edits = { changes, newTasks, taskEdits, taskActions, ...splitting, decisions, actions, deliveries };
  const asking = { ...moving, ...edits, claims, refusals, results, frames, editWatch };

  // The transport of agents, and the handlers of deadlines.
  return { ...asking, stream: new AgentStream(asking), overdue: new Overdue(asking) };
}
