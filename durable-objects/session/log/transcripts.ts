import { applyEvents, type SessionState } from '../../../src/domain/session/session-state.ts';
import { formatCursor } from '../../../src/protocol/common/cursor.ts';
import { type Outcome, ok, refuse } from '../../../src/protocol/common/errors.ts';
import { formatListCursor, type PageQuery, parseListCursor } from '../../../src/protocol/common/page.ts';
import type { TranscriptPage } from '../../../src/protocol/session/transcript-page.ts';
import type { SessionParts } from '../parts.ts';

const LIST = 'transcript';
/** The most JSON of a page, in UTF-16 code units; but a page has at least one entry. */
const MAX_PAGE_CHARS = 1_000_000;

/** Reads the transcript of a session, which stays when the events it was folded from are deleted. */
export class Transcripts {
  readonly #parts: Pick<SessionParts, 'records' | 'log'>;
  /** The newest fold, so that a walk through the pages folds the log once. */
  #folded: SessionState | null = null;

  constructor(parts: Pick<SessionParts, 'records' | 'log'>) {
    this.#parts = parts;
  }

  /** A page of the entries, oldest first. An entry's position counts those that were dropped before it. */
  page({ cursor, page_size }: PageQuery): Outcome<TranscriptPage> {
    const key = cursor === undefined ? [0] : parseListCursor(LIST, cursor);
    const start = key?.length === 1 ? key[0] : undefined;
    if (typeof start !== 'number') return WRONG_CURSOR;
    while (this.foldPage());
    const { seq, transcript, dropped_items } = this.#folded!;
    const items: TranscriptPage['items'] = [];
    const first = Math.max(0, start - dropped_items);
    for (let chars = 0; items.length < page_size; ) {
      const item = transcript[first + items.length];
      if (item === undefined) break;
      chars += JSON.stringify(item).length;
      if (items.length > 0 && chars > MAX_PAGE_CHARS) break;
      items.push(item);
    }
    const next = first + items.length;
    const { incarnation } = this.#parts.records.session();
    return ok({
      items,
      next_cursor: next < transcript.length ? formatListCursor(LIST, [dropped_items + next]) : null,
      dropped_items,
      log_cursor: formatCursor({ incarnation, seq }),
    });
  }

  /** Folds the next page of the log. @returns whether there are more */
  foldPage(): boolean {
    const { records, log } = this.#parts;
    const known = this.#folded;
    // The log may have been trimmed beyond what was folded.
    const state = known === null || known.seq < records.session().floor_seq ? log.base() : known;
    const { events, hasMore } = log.page(state.seq);
    this.#folded = applyEvents(state, events);
    return hasMore;
  }
}

const WRONG_CURSOR = refuse('validation_failed', 'The query is invalid. Its errors say how to correct it.', {
  errors: [{ path: 'cursor', message: 'must be the next_cursor of a page of this transcript' }],
});
