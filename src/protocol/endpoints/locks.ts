import * as z from 'zod';
import { schema } from '../common/schema.ts';
import {
  AcquireLockRequest,
  HeldLock,
  LockPlace,
  LockResource,
  LockView,
  ReleaseLockRequest,
  RenewLockRequest,
} from '../lock/lock.ts';
import { type Endpoints, json } from './endpoint.ts';
import type { OperationId } from './routes.ts';

const LockParams = schema(() => z.object({ resource: LockResource() }));

/** Operations on the locks of the workspace. */
export const LOCK_ENDPOINTS = {
  acquireLock: {
    tag: 'Locks',
    summary: 'Acquire a lock, or wait for it in the order of arrival',
    access: 'lock',
    params: LockParams,
    body: AcquireLockRequest,
    responses: {
      200: json(HeldLock, 'You hold the lock. If you held it already, it has the same fencing token and a new TTL.'),
      202: json(LockPlace, 'It is your turn, or the wait is over. Ask again at once, or you lose your place.'),
    },
    errors: ['lock_held', 'too_many_requests'],
  },
  renewLock: {
    tag: 'Locks',
    summary: 'Extend a lock that you hold',
    access: 'lock',
    params: LockParams,
    body: RenewLockRequest,
    responses: { 200: json(HeldLock, 'The lock with its new end.') },
    errors: ['lock_lost'],
  },
  releaseLock: {
    tag: 'Locks',
    summary: 'Release a lock that you hold',
    access: 'lock',
    params: LockParams,
    body: ReleaseLockRequest,
    responses: { 204: { description: 'You no longer hold the lock.' } },
    errors: ['lock_lost'],
  },
  readLock: {
    tag: 'Locks',
    summary: 'Read who holds a lock and who waits for it',
    access: 'read_lock',
    params: LockParams,
    responses: { 200: json(LockView, 'The lock.') },
    errors: [],
  },
} as const satisfies Partial<Endpoints<OperationId>>;
