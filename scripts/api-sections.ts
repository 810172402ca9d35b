/** The sections of docs/API.md that derive from the table of endpoints, the catalogue of errors and the limits. */
import type * as z from 'zod';
import { DEFAULT_SESSION_CONFIG } from '../durable-objects/session/config.ts';
import { PRIORITY_LAG_MS } from '../src/domain/dispatch/queue-order.ts';
import { rolesWith } from '../src/domain/permissions.ts';
import { MAX_TRANSCRIPT_CHARS, MAX_TRANSCRIPT_ITEMS } from '../src/domain/session/transcript.ts';
import { Role } from '../src/protocol/common/enums.ts';
import { ERROR_CODES } from '../src/protocol/common/errors.ts';
import {
  IDEMPOTENCY_KEY_MS,
  MAX_BODY_BYTES,
  MAX_CHECKPOINTS,
  MAX_LIST_OFFSET,
  MAX_LOCK_WAITERS,
  MAX_LOCKS,
  MAX_REVOKED_TOKENS,
  MAX_SHOWN_PATCH_BYTES,
  MAX_SIGN_INS,
  MAX_TOKENS,
  MAX_WAITERS_OF_LOCK,
  MAX_WAITING_MESSAGES,
  MAX_WATCHERS,
  PAGE_EVENTS,
} from '../src/protocol/common/limits.ts';
import { MERGE_PATCH_TYPE } from '../src/protocol/common/media-types.ts';
import { type Endpoint, type Permission, TAGS } from '../src/protocol/endpoints/endpoint.ts';
import { endpointOf, errorCodesOf, OPERATION_IDS, permissionOf } from '../src/protocol/endpoints/endpoints.ts';
import { type OperationId, ROUTES } from '../src/protocol/endpoints/routes.ts';

export const API_SECTIONS: Readonly<Record<string, () => string>> = {
  'api-roles': rolesTable,
  'api-errors': errorsTable,
  'api-limits': limitsTable,
  'api-queue': queueTable,
  'api-retention': retentionTable,
  'api-operations': operations,
};

const PERMISSIONS: Readonly<Record<Permission, string>> = {
  read: 'read lists, logs, approvals, checkpoints and diffs; watch sessions',
  read_session: 'read a session; an agent only while it holds a lease of it',
  read_artifact: 'read artifacts; an agent only while it holds a lease of the session',
  read_lock: 'read locks',
  operate: 'create, change, steer and end sessions; answer approvals',
  read_context: 'read contexts; an agent those of the workspace, its own, and those of a session whose lease it holds',
  write_context: 'write contexts; an agent only its own, and those of a session whose lease it holds',
  read_agent: 'read an agent; an agent only itself',
  enrol: 'register agents; not with an agent’s own token',
  administer: 'create, list and revoke tokens; create sign-in codes',
  work: 'connect as an agent, and work on offered tasks; with an agent’s own token only as this agent',
  act: 'claim work and report on it without sockets; only with the agent’s own token',
  lock: 'acquire, renew and release locks',
  open_socket: 'read whose token it is; create tickets for sockets',
};

/** Errors that any operation can have, and that are therefore not repeated for each. */
const COMMON = ['internal_error', 'misconfigured', 'unavailable', 'unauthorized', 'forbidden'];

function rolesTable(): string {
  const rows = Object.entries(PERMISSIONS).map(([permission, what]) => {
    const marks = Role().options.map((role) => (rolesWith(permission as Permission).includes(role) ? 'yes' : ''));
    return [what, ...marks];
  });
  return table(['what a token may do', ...Role().options], rows);
}

function errorsTable(): string {
  const rows = Object.entries(ERROR_CODES).map(([code, { status, retryable, meaning, remedy }]) => [
    `\`${code}\``,
    String(status),
    retryable ? 'yes' : 'no',
    meaning,
    remedy,
  ]);
  return table(['code', 'status', 'may succeed later', 'meaning', 'what to do'], rows);
}

function number(value: number): string {
  return value.toLocaleString('en');
}

function queueTable(): string {
  const rows = Object.entries(PRIORITY_LAG_MS).map(([priority, ms]) => [
    `\`${priority}\``,
    `${number(ms / 60_000)} minutes`,
  ]);
  return table(['priority', 'stands later by'], rows);
}

function retentionTable(): string {
  const { deleted_retention_ms, final_retention_ms, max_log_events, max_log_chars } = DEFAULT_SESSION_CONFIG;
  const days = (ms: number) => `${ms / 86_400_000} days`;
  const log = `${number(max_log_events)} events or ${number(max_log_chars)} characters`;
  const transcript = `${number(MAX_TRANSCRIPT_ITEMS)} entries and ${number(MAX_TRANSCRIPT_CHARS)} characters`;
  return table(
    ['what', 'kept'],
    [
      ['a session', 'until you delete it'],
      [
        'its events',
        `until ${days(final_retention_ms)} after its end; also before, the older half goes when there are more than ${log}`,
      ],
      [
        'its transcript',
        `as long as the session: the newest ${transcript}; \`dropped_items\` counts the older entries that are lost`,
      ],
      ['a deleted session', `not found at once; its last traces are removed after ${days(deleted_retention_ms)}`],
      ['artifacts', 'as long as their checkpoint'],
      ['a token, revoked or not', 'until it expires'],
    ],
  );
}

function limitsTable(): string {
  return table(
    ['what', 'limit'],
    [
      ['body of a request', `${number(MAX_BODY_BYTES)} bytes`],
      ['events in a page of the log', number(PAGE_EVENTS)],
      ['depth of a list by pages (`page` × `page_size`); cursors have no such limit', number(MAX_LIST_OFFSET)],
      ['waiting messages of a session', number(MAX_WAITING_MESSAGES)],
      ['watchers of a session, with the reads of its log that wait', number(MAX_WATCHERS)],
      ['checkpoints that a session keeps', number(MAX_CHECKPOINTS)],
      ['patch in `/diff`; `/patch` has all of it', `${number(MAX_SHOWN_PATCH_BYTES)} bytes`],
      ['tokens of a workspace, each until it is revoked or expires', number(MAX_TOKENS)],
      ['sign-ins of a workspace, each until it is revoked or expires', number(MAX_SIGN_INS)],
      ['revoked tokens of a workspace, each until it expires', number(MAX_REVOKED_TOKENS)],
      ['locks that a workspace holds at a time', number(MAX_LOCKS)],
      ['waiters of one lock', number(MAX_WAITERS_OF_LOCK)],
      ['waiters of all locks of a workspace', number(MAX_LOCK_WAITERS)],
      ['life of an idempotency key', `${number(IDEMPOTENCY_KEY_MS / 3_600_000)} hours`],
    ],
  );
}

function operations(): string {
  const sections = Object.entries(TAGS).map(([tag, description]) => {
    const ids = OPERATION_IDS.filter((id) => endpointOf(id).tag === tag);
    return [`### ${tag}`, description, ...ids.map(operation)].join('\n\n');
  });
  return `${sections.join('\n\n')}\n`;
}

function operation(id: OperationId): string {
  const endpoint = endpointOf(id);
  const own = errorCodesOf(id).filter((code) => !COMMON.includes(code));
  const parts = [
    `#### \`${id}\``,
    `${endpoint.summary}. ${access(endpoint)}${endpoint.idempotent ? ' Takes an `Idempotency-Key`.' : ''}${endpoint.mergeable ? ` The body may be \`${MERGE_PATCH_TYPE}\`.` : ''}`,
    `\`\`\`http\n${request(id, endpoint)}\n\`\`\``,
    answers(endpoint),
    own.length > 0 ? `Errors: ${[...new Set(own)].map((code) => `\`${code}\``).join(', ')}.` : '',
  ];
  return parts.filter(Boolean).join('\n\n');
}

function access({ access }: Endpoint): string {
  if (access === 'public') return 'Needs no credential.';
  if (access === 'code') return 'The bearer is a sign-in code.';
  return `Roles: ${rolesWith(permissionOf(access)!).join(', ')}.`;
}

/** A valid request, from the examples of the schemas. */
function request(id: OperationId, { params, query, body }: Endpoint): string {
  const shape = (params?.().shape ?? {}) as Record<string, z.ZodType>;
  const filled = ROUTES[id].path.replaceAll(/\{(\w+)\}/g, (_, name: string) => String(shape[name]!.meta()!.example));
  const asked = Object.entries(((query?.() as z.ZodObject | undefined)?.shape ?? {}) as Record<string, z.ZodType>)
    .filter(([, member]) => !member.safeParse(undefined).success)
    .map(([name, member]) => `${name}=${member.meta()!.example}`);
  const line = `${ROUTES[id].method} ${filled}${asked.length > 0 ? `?${asked.join('&')}` : ''}`;
  return body ? `${line}\n\n${JSON.stringify(body().meta()!.example)}` : line;
}

function answers({ responses }: Endpoint): string {
  const lines = Object.entries(responses).map(([status, { description, schema, bytes }]) => {
    const name = schema?.().meta()?.id;
    const content = bytes ? ' (bytes)' : name === undefined ? '' : ` (\`${name}\`)`;
    return `${status}${content}: ${description}`;
  });
  return `Answers: ${lines.join(' ')}`;
}

function table(heads: string[], rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`;
  return [line(heads), line(heads.map(() => '---')), ...rows.map(line)].join('\n');
}
