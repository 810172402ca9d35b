import * as z from 'zod';
import { CURSOR_PATTERN } from './cursor.ts';
import { schema } from './schema.ts';

export const CursorText = schema(() =>
  z
    .string()
    .regex(CURSOR_PATTERN, 'must be a cursor of this log, written as <incarnation>.<seq>')
    .meta({ id: 'Cursor', description: 'A position in a log.', example: '5f2b9c1e.12' }),
);
