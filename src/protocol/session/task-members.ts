import * as z from 'zod';
import { schema } from '../common/schema.ts';

/** The bounds of members that sessions, tasks and messages have in common. */

/** What an agent is told to do, in UTF-16 code units. */
export const PromptText = schema(() => z.string().min(1).max(100_000));

/** The most failed attempts of a task. */
export const MaxAttempts = schema(() => z.int().min(1).max(10));
