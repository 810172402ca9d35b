import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AgentFrameBody } from '../src/protocol/run/frames.ts';
import type { ConfigurationSource } from './opencode/configuration.ts';
import { SECRET_NAME } from './opencode/tool-environment.ts';

/** Replaces the secrets in a frame. */
export interface Redact {
  (body: AgentFrameBody): AgentFrameBody;
  /** Another secret, from now on. */
  add: (secret: string) => void;
}

/** A shorter value may be an everyday word. */
const MIN_SECRET_CHARS = 8;
/** The beginning that stays, so that a person can tell which key it is. */
const SHOWN_CHARS = 4;

/** Secrets of common issuers, by the formats that they publish so that scanners find them. */
const SHAPES: readonly RegExp[] = [
  /\bsk-[\w-]{16,}/g,
  /\bgh[pousr]_\w{20,}/g,
  /\bgithub_pat_\w{20,}/g,
  /\bglpat-[\w-]{20,}/g,
  /\bxox[abeoprs]-[\w-]{10,}/g,
  /\bA[KS]IA[0-9A-Z]{16}\b/g,
  /\bAIza[\w-]{35}/g,
  /\bnpm_\w{36}/g,
  /\bhf_\w{30,}/g,
  // JSON Web Tokens, such as those of the control plane.
  /(?<![\w-])eyJ[\w-]{10,4096}\.[\w-]{10,4096}\.[\w-]{10,1024}/g,
  /(?<=\bBearer )[\w.~+/=-]{16,}/gi,
  // The password in a URL.
  /(?<=:\/\/[^\s/:@]+:)[^\s/@]{4,}(?=@)/g,
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g,
];

/** The most secrets that are known. Of those that were added, the first one is forgotten first. */
const MAX_SECRETS = 500;
/** The text before an increment with which it is read: a secret of several words, such as a private key, began there. */
const CONTEXT_CHARS = 8_192;
/** The streams whose context is kept. The one that began first is forgotten first. */
const MAX_STREAMS = 500;

/**
 * Masks secrets in everything that an agent reports: the given values, and texts that look like secrets. A mask is as
 * long as the secret, so that the offsets of streamed text stay true. An increment of a text is masked as a part of that
 * text, so the frames must come in their order. Checkpoints are not changed, because they must be
 * restored as they were.
 *
 * @example redaction(['hunter2-hunter2'])(frame) // 'hunt***********'
 */
export function redaction(secrets: readonly string[]): Redact {
  const known = new Set(secrets);
  let patterns = patternsOf(known);
  const mask = (text: string) => patterns.reduce((rest, pattern) => rest.replaceAll(pattern, masked), text);
  const streams = new Map<string, string>();
  const maskNext = (stream: string, text: string) => {
    const before = streams.get(stream) ?? '';
    const whole = before + text;
    streams.set(stream, whole.slice(-CONTEXT_CHARS));
    if (streams.size > MAX_STREAMS) streams.delete([...streams.keys()][0]!);
    return mask(whole).slice(before.length);
  };
  const redact = (body: AgentFrameBody) => {
    if (body.type === 'artifact.chunk' || body.type === 'checkpoint') return body;
    const data = mapTexts(body.data, mask);
    const stream = streamOf(body);
    return {
      ...body,
      data: stream === null ? data : { ...(data as object), text: maskNext(...stream) },
    } as AgentFrameBody;
  };
  const add = (secret: string) => {
    known.add(secret);
    if (known.size > MAX_SECRETS) known.delete([...known][secrets.length]!);
    patterns = patternsOf(known);
  };
  return Object.assign(redact, { add });
}

function patternsOf(secrets: ReadonlySet<string>): readonly RegExp[] {
  const values = [...secrets]
    .filter((secret) => secret.length >= MIN_SECRET_CHARS)
    // The longest first, because one secret can be the beginning of another.
    .sort((a, b) => b.length - a.length)
    .map(escaped);
  return values.length === 0 ? SHAPES : [new RegExp(values.join('|'), 'g'), ...SHAPES];
}

/** The text that a frame continues, by its key, and the increment; null if the frame is no increment. */
function streamOf(body: AgentFrameBody): [key: string, text: string] | null {
  switch (body.type) {
    case 'text.delta':
    case 'reasoning.delta':
      return [`${body.data.message_id}/${body.data.part_id}`, body.data.text];
    case 'tool.output':
      return [`${body.data.message_id}/${body.data.call_id}`, body.data.text];
    default:
      return null;
  }
}

/** The secrets that the agent knows of: its token, and the keys and logins of OpenCode's providers. */
export function knownSecrets(source: ConfigurationSource, token: string): string[] {
  if (source.kind === 'given') return [token, ...namedSecrets(source.config)];
  const { environment } = source;
  const home = environment.XDG_DATA_HOME ?? join(environment.HOME ?? environment.USERPROFILE ?? '', '.local', 'share');
  return [token, ...namedSecrets(environment), ...loginSecrets(join(home, 'opencode', 'auth.json'))];
}

/** The texts of members whose name says that they are secret, at any depth. */
function namedSecrets(value: unknown, isNamed = false): string[] {
  if (typeof value === 'string') return isNamed ? [value] : [];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) => namedSecrets(member, isNamed || SECRET_NAME.test(name)));
}

function loginSecrets(file: string): string[] {
  try {
    return namedSecrets(JSON.parse(readFileSync(file, 'utf8')), true);
  } catch {
    return [];
  }
}

function mapTexts(value: unknown, map: (text: string) => string): unknown {
  if (typeof value === 'string') return map(value);
  if (Array.isArray(value)) return value.map((item) => mapTexts(item, map));
  if (typeof value !== 'object' || value === null) return value;
  // The input of a tool can have any text as a name.
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [map(name), mapTexts(member, map)]));
}

function masked(secret: string): string {
  return secret.slice(0, SHOWN_CHARS) + '*'.repeat(secret.length - SHOWN_CHARS);
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
