import type { WorkspaceId } from '../../src/protocol/common/ids.ts';
import type { ObjectPlatform } from '../kit/platform/platform.ts';
import { buildKit, type ObjectKit } from '../kit/runtime.ts';
import { Changes } from './changes.ts';
import { Fences } from './fences.ts';
import { Journal } from './journal.ts';
import { Lineage } from './lineage.ts';
import { Merges } from './merges.ts';
import type { ContextPorts } from './ports.ts';
import { ContextRecords } from './records.ts';
import { CONTEXT_SCHEMA } from './schema.ts';
import { Secrets } from './secrets.ts';
import { ContextSockets } from './sockets.ts';
import { Tiers, tierDestinations } from './tiers.ts';
import { ContextViews } from './views.ts';
import { WatcherLeases } from './watcher-leases.ts';
import { ContextWatchers, WATCH_TAG } from './watchers.ts';

/** The parts of a context's object. */
export interface ContextParts {
  kit: ObjectKit;
  records: ContextRecords;
  journal: Journal;
  secrets: Secrets;
  tiers: Tiers;
  lineage: Lineage;
  changes: Changes;
  merges: Merges;
  views: ContextViews;
  fences: Fences;
  leases: WatcherLeases;
  watchers: ContextWatchers;
  sockets: ContextSockets;
}

/** Builds the parts. Each uses those above it; references to later ones are callbacks. */
export function buildParts(workspace: WorkspaceId, platform: ObjectPlatform, ports: ContextPorts): ContextParts {
  const now = () => platform.now();
  const kit = buildKit(
    platform,
    CONTEXT_SCHEMA,
    tierDestinations(workspace, ports, now, () => tiers),
  );
  const { store } = kit;
  const records = new ContextRecords(store);
  const journal = new Journal(store, records, (isNew) => {
    tiers.changed(isNew);
    if (!isNew) watchers.changed();
  });
  const reshaped = () => tiers.reshaped();
  const secrets = new Secrets(store, () => journal.head.data, reshaped);
  const view = () => (secrets.any ? null : views.contextOf(journal.head, false));
  const tiers = new Tiers(workspace, ports, { kit, records, journal, secrets, view });
  const lineage = new Lineage(store, reshaped);
  const changes = new Changes({ records, journal, secrets });
  const common = { store, records, journal, secrets, lineage, reshaped };
  const merges = new Merges({ ...common, changes });
  const views = new ContextViews({ ...common, merges, shape: () => tiers.shape });
  const fences = new Fences(store);
  const leases = new WatcherLeases(kit, ports.heldLease, () => platform.sockets(WATCH_TAG));
  const watchers = new ContextWatchers({ ...common, views, leases });
  const sockets = new ContextSockets({ ...common, watchers, leases, used: () => tiers.retirement.used() });
  return { kit, records, journal, secrets, tiers, lineage, changes, merges, views, fences, leases, watchers, sockets };
}
