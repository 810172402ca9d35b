import * as z from 'zod';
import { schema } from '../common/schema.ts';
import { hasControls, visibleLength } from '../common/text.ts';

export const NO_CONTROLS = 'must have no control characters, such as line breaks';
const MIN_TITLE = 3;
/** The longest title, in UTF-16 code units. */
export const MAX_TITLE_CHARS = 100;

/** The title of a session or of a task. */
export const Title = schema(() =>
  z
    .string()
    .trim()
    .min(MIN_TITLE)
    .max(MAX_TITLE_CHARS)
    .refine((title) => !hasControls(title), NO_CONTROLS)
    .refine((title) => visibleLength(title) >= MIN_TITLE, `must have at least ${MIN_TITLE} visible characters`),
);
