import type { WorkspaceId } from '../../src/protocol/common/ids.ts';
import type { DeadlineHandler } from '../kit/deadlines.ts';
import type { Destination } from '../kit/delivery/outbox.ts';
import type { ObjectKit } from '../kit/runtime.ts';
import { ARCHIVE_DEADLINE, Archiving, archiveDestination } from './archiving.ts';
import type { Journal } from './journal.ts';
import type { ContextPorts } from './ports.ts';
import type { ContextRecords } from './records.ts';

/** What the home of a context does for the other tiers. */
export class Tiers {
  readonly archiving: Archiving;
  readonly deadlines: Readonly<Record<string, DeadlineHandler>>;

  constructor(
    workspace: WorkspaceId,
    { archive }: ContextPorts,
    parts: { kit: ObjectKit; records: ContextRecords; journal: Journal },
  ) {
    this.archiving = new Archiving(workspace, archive, parts);
    this.deadlines = { [ARCHIVE_DEADLINE]: { waitsFor: 'time', run: () => this.archiving.tell() } };
  }

  /** The context is new, or has a new version. Part of its transaction. */
  changed(isNew: boolean): void {
    this.archiving.changed(isNew);
  }

  /** The context was deleted. Part of its transaction. */
  removed(): void {
    this.archiving.tell();
  }
}

/** The destinations of a home's outbox. */
export function tierDestinations({ archive }: ContextPorts, tiers: () => Tiers): Destination[] {
  return archive ? [archiveDestination(archive, () => tiers().archiving)] : [];
}
