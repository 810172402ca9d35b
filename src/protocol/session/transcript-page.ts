import * as z from 'zod';
import { CursorText } from '../common/cursor-text.ts';
import { NextCursor } from '../common/page.ts';
import { type Infer, schema } from '../common/schema.ts';
import { TranscriptItem } from './session-state.ts';

export const TranscriptPage = schema(() =>
  z
    .object({
      items: z.array(TranscriptItem()),
      next_cursor: NextCursor(),
      dropped_items: z.int().meta({ description: 'The oldest entries that a very long transcript has lost.' }),
      log_cursor: CursorText(),
    })
    .meta({
      id: 'TranscriptPage',
      description:
        'Entries of a session’s transcript, oldest first. It is as of `log_cursor`, after which the events continue.',
      example: { items: [], next_cursor: null, dropped_items: 0, log_cursor: '5f2b9c1e.12' },
    }),
);
export type TranscriptPage = Infer<typeof TranscriptPage>;
