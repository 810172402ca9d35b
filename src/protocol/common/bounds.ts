import * as z from 'zod';
import { schema } from './schema.ts';

/**
 * The bounds of what an agent sends. Every text, list, number and record in its frames has one, because the other side
 * is a model, a clone and a machine that the control plane does not know. A test walks all frames.
 */

/** A longer id, of a message or of a tool's call, is refused: providers make them up. */
export const MAX_ID_CHARS = 1_000;
export const MAX_NAME_CHARS = 200;
export const MAX_REASON_CHARS = 2_000;
/** The longest path of Linux. */
export const MAX_PATH_CHARS = 4_096;
/** A count of anything. A total of a million of them is still exact. */
export const MAX_COUNT = 1_000_000_000;
/** Windows has exit codes of 32 bits. */
export const MAX_EXIT_CODE = 0xffff_ffff;

/** An id of the agent, its model or its tools. */
export const ForeignId = schema(() => z.string().max(MAX_ID_CHARS));
/** A name, such as that of a model, a tool or a version. */
export const Name = schema(() => z.string().max(MAX_NAME_CHARS));
export const Reason = schema(() => z.string().max(MAX_REASON_CHARS));
export const Path = schema(() => z.string().max(MAX_PATH_CHARS));
export const Count = schema(() => z.int().min(0).max(MAX_COUNT));
/** The number of something that exists, from 1. */
export const Ordinal = schema(() => z.int().min(1).max(MAX_COUNT));
/** The name of a commit. */
export const Commit = schema(() => z.string().max(100));

/** The schemas of any JSON that are bounded by what they check, or by the frame that they are in. */
export const BOUNDED_JSON = z.registry<{ chars: number }>();

/** An object of any JSON, with a bound on its text. */
export function boundedObject(chars: number) {
  return z
    .record(z.string(), z.unknown())
    .refine((value) => JSON.stringify(value).length <= chars, `must be at most ${chars} characters of JSON`)
    .register(BOUNDED_JSON, { chars });
}
