import * as z from 'zod';
import { Ordinal } from '../common/bounds.ts';
import { Instant } from '../common/instant.ts';
import { MAX_LOCK_TTL_SECONDS, MAX_LOCK_WAIT_SECONDS } from '../common/limits.ts';
import { type Infer, schema } from '../common/schema.ts';
import { hasControls } from '../common/text.ts';

/**
 * The name of what a lock protects. It is one segment of a path, so it has no slash, and neither `.` nor `..` is a name,
 * because clients and proxies resolve them.
 */
export const LockResource = schema(() =>
  z
    .string()
    .regex(/^[A-Za-z0-9_][A-Za-z0-9_.:@-]{0,199}$/, 'must be 1–200 letters, digits and _ . : @ - such as deploy:web')
    .meta({
      id: 'LockResource',
      description: 'What a lock protects. The name is yours, in each workspace.',
      example: 'deploy:web',
    }),
);
export type LockResource = Infer<typeof LockResource>;

const Owner = schema(() =>
  z
    .string()
    .min(1)
    .max(100)
    .refine((text) => !hasControls(text), 'must have no control characters')
    .meta({
      description: 'Who locks: a text of your choice. With the token, it is the identity of the owner.',
      example: 'ci-run-7',
    }),
);

const TtlSeconds = schema(() => z.int().min(1).max(MAX_LOCK_TTL_SECONDS));

const FencingToken = schema(() =>
  z.int().min(1).meta({
    description: 'The number of the grant. Each grant of the workspace has a higher one than all before.',
    example: 1,
  }),
);

export const AcquireLockRequest = schema(() =>
  z
    .strictObject({
      owner: Owner(),
      ttl_seconds: TtlSeconds().default(30).meta({ description: 'The lock ends by itself after this time.' }),
      wait_seconds: z
        .int()
        .min(0)
        .max(MAX_LOCK_WAIT_SECONDS)
        .default(0)
        .meta({ description: 'How long the request may wait for its turn. Without a wait, you leave the queue.' }),
    })
    .meta({
      id: 'AcquireLockRequest',
      description: 'A request for a lock.',
      example: { owner: 'ci-run-7', ttl_seconds: 30, wait_seconds: 0 },
    }),
);
export type AcquireLockRequest = Infer<typeof AcquireLockRequest>;

export const RenewLockRequest = schema(() =>
  z
    .strictObject({
      fencing_token: FencingToken(),
      ttl_seconds: TtlSeconds().optional().meta({ description: 'Counts from now; by default as before.' }),
    })
    .meta({
      id: 'RenewLockRequest',
      description: 'More time for a lock that you hold.',
      example: { fencing_token: 1 },
    }),
);
export type RenewLockRequest = Infer<typeof RenewLockRequest>;

export const ReleaseLockRequest = schema(() =>
  z.strictObject({ fencing_token: FencingToken() }).meta({
    id: 'ReleaseLockRequest',
    description: 'The end of a lock that you hold.',
    example: { fencing_token: 1 },
  }),
);
export type ReleaseLockRequest = Infer<typeof ReleaseLockRequest>;

const EXAMPLE_LOCK = {
  resource: 'deploy:web',
  owner: 'ci-run-7',
  fencing_token: 1,
  ttl_seconds: 30,
  acquired_at: '2026-11-22T15:04:05.678Z',
  expires_at: '2026-11-22T15:04:35.678Z',
};

export const HeldLock = schema(() =>
  z
    .object({
      resource: LockResource(),
      owner: Owner(),
      fencing_token: FencingToken(),
      ttl_seconds: TtlSeconds(),
      acquired_at: Instant(),
      expires_at: Instant(),
    })
    .meta({ id: 'HeldLock', description: 'A lock and its owner.', example: EXAMPLE_LOCK }),
);
export type HeldLock = Infer<typeof HeldLock>;

export const LockPlace = schema(() =>
  z
    .object({
      resource: LockResource(),
      owner: Owner(),
      place: Ordinal().meta({ description: 'The place in the queue when the request came; 1 if it is your turn now.' }),
      kept_until: Instant().meta({ description: 'A waiter that has not asked again by then has lost its place.' }),
    })
    .meta({
      id: 'LockPlace',
      description: 'A place in the queue of a lock.',
      example: { resource: 'deploy:web', owner: 'ci-run-8', place: 1, kept_until: '2026-11-22T15:04:40.678Z' },
    }),
);
export type LockPlace = Infer<typeof LockPlace>;

export const LockView = schema(() =>
  z
    .object({
      resource: LockResource(),
      holder: HeldLock().nullable(),
      waiters: z.array(z.string()).meta({ description: 'The owners in the queue, the next one first.' }),
    })
    .meta({
      id: 'Lock',
      description: 'A lock as it is now. It is free if it has no holder; a lock that nobody ever took is free.',
      example: { resource: 'deploy:web', holder: EXAMPLE_LOCK, waiters: ['ci-run-8'] },
    }),
);
export type LockView = Infer<typeof LockView>;
