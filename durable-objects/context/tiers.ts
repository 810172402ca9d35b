import type { WorkspaceId } from '../../src/protocol/common/ids.ts';
import type { Context } from '../../src/protocol/context/context.ts';
import type { DeadlineHandler } from '../kit/deadlines.ts';
import type { Destination } from '../kit/delivery/outbox.ts';
import type { ObjectKit } from '../kit/runtime.ts';
import { ARCHIVE_DEADLINE, Archiving, archiveDestination } from './archiving.ts';
import { Copying, copyDestination } from './copying.ts';
import type { Journal } from './journal.ts';
import type { ContextPorts } from './ports.ts';
import type { ContextRecords } from './records.ts';
import { Retirement } from './retirement.ts';
import type { Secrets } from './secrets.ts';

interface Parts {
  kit: ObjectKit;
  records: ContextRecords;
  journal: Journal;
  secrets: Secrets;
  /** What a copy of the newest version shows; null if there shall be none, because of secrets. */
  view(): Context | null;
}

/** What the home of a context does for the other tiers: Postgres, Redis, and moving between them. */
export class Tiers {
  readonly archiving: Archiving;
  readonly copying: Copying;
  readonly retirement: Retirement;
  readonly deadlines: Readonly<Record<string, DeadlineHandler>>;
  readonly #parts: Parts;
  #shape = 0;

  constructor(workspace: WorkspaceId, ports: ContextPorts, parts: Parts) {
    this.#parts = parts;
    this.archiving = new Archiving(workspace, ports.archive, parts);
    this.copying = new Copying(workspace, ports.copies, parts);
    this.retirement = new Retirement(workspace, ports, {
      ...parts,
      archiving: this.archiving,
      remove: () => this.remove(),
      blank: (version) => this.copying.blank(version),
    });
    this.deadlines = {
      [ARCHIVE_DEADLINE]: { waitsFor: 'time', run: () => this.archiving.tell() },
      ...this.retirement.deadlines,
    };
  }

  /** The context is new, or has a new version. Part of its transaction. */
  changed(isNew: boolean): void {
    this.archiving.changed(isNew);
    this.retirement.changed();
    this.copying.freshen();
  }

  /** Grows when the lineage, the open conflicts or the secret places change. */
  get shape(): number {
    return this.#shape;
  }

  /** The lineage, the open conflicts or the secret places change. Part of a transaction. */
  reshaped(): void {
    this.#shape++;
    const { journal } = this.#parts;
    if (!journal.isChanging) this.copying.blank(journal.head.version);
  }

  /** Deletes the context everywhere. Part of a transaction. */
  remove(): void {
    const { version } = this.#parts.journal.head;
    this.#parts.records.remove(version);
    this.#parts.secrets.clear();
    this.#parts.journal.forget();
    this.archiving.tell();
    this.copying.blank(version);
    this.retirement.removed();
    this.#shape++;
  }
}

/** The destinations of a home's outbox. */
export function tierDestinations(
  workspace: WorkspaceId,
  ports: ContextPorts,
  now: () => number,
  tiers: () => Tiers,
): Destination[] {
  const { archive, copies } = ports;
  return [
    ...(copies ? [copyDestination(copies, workspace, now)] : []),
    ...(archive ? [archiveDestination(archive, () => tiers().archiving)] : []),
    ...Retirement.destinations(ports, () => tiers().retirement),
  ];
}
