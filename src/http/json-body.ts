import { inexactIn } from '../protocol/common/exact-json.ts';
import { MAX_BODY_BYTES } from '../protocol/common/limits.ts';
import { mediaTypeIn } from '../protocol/common/media-types.ts';
import type { AppContext } from './context.ts';
import { Refusal, refusal } from './refusal.ts';

/** The type that curl sends with `-d` by default. It is accepted, because such bodies are meant as JSON. */
const CURL_DEFAULT = 'application/x-www-form-urlencoded';
/** No valid request is nested deeper, and recursion over a deeper body could overflow the stack. */
const MAX_NESTING = 64;
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });

/**
 * Reads a request's body as JSON, up to MAX_BODY_BYTES. An empty body is read as an object without members, so that an
 * action without parameters needs no body.
 *
 * @param types the media types that the operation takes
 * @throws Refusal if the body is too large, has another media type, or is not JSON
 */
export async function readJson(c: AppContext, types: readonly string[]): Promise<unknown> {
  const text = decode(await readBounded(c.req.raw).catch(brokenOff));
  const type = mediaTypeIn(c.req.header('Content-Type'));
  if (text !== '' && type !== undefined && type !== CURL_DEFAULT && !types.includes(type)) {
    throw refusal('unsupported_media_type', `Send JSON as ${types.join(' or ')}, not ${type}.`);
  }
  return text.trim() === '' ? {} : parse(text);
}

async function readBounded(request: Request): Promise<Uint8Array | ArrayBuffer> {
  const stated = request.headers.get('Content-Length');
  if (stated === null) return readChunks(request.body);
  if (Number(stated) > MAX_BODY_BYTES) throw tooLarge();
  // The platform enforces the stated length, so the body can be read in one piece, which is faster than a stream.
  const bytes = await request.arrayBuffer();
  if (bytes.byteLength > MAX_BODY_BYTES) throw tooLarge();
  return bytes;
}

async function readChunks(body: ReadableStream<Uint8Array> | null): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  // The rest of a body that is too large can still be discarded, so it must not be cancelled here.
  for await (const chunk of (body?.values({ preventCancel: true }) ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength;
    if (size > MAX_BODY_BYTES) throw tooLarge();
    chunks.push(chunk);
  }
  const bytes = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return bytes;
}

/** Converts a failure to read the body to the client's error: it disconnected, or its chunks are malformed. */
function brokenOff(error: unknown): never {
  if (error instanceof Refusal) throw error;
  throw refusal('malformed_request', 'The body is incomplete, or its transfer encoding is malformed. Send it again.');
}

function tooLarge(): Refusal {
  return refusal('payload_too_large', `The body must be at most ${MAX_BODY_BYTES} bytes.`);
}

function decode(bytes: Uint8Array | ArrayBuffer): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw refusal('malformed_request', 'The body must be UTF-8.');
  }
}

function parse(text: string): unknown {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw refusal('malformed_request', 'The body must be valid JSON.');
  }
  if (nesting(text) > MAX_NESTING) {
    throw refusal('malformed_request', `The body must not be nested deeper than ${MAX_NESTING} levels.`);
  }
  const inexact = inexactIn(text);
  if (inexact) {
    const { path, message } = inexact;
    throw refusal('validation_failed', `The body is invalid: ${`${path} ${message}`.trim()}.`, { errors: [inexact] });
  }
  return json;
}

/** The depth of the deepest bracket of a valid JSON text, without recursion. */
function nesting(json: string): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let index = 0; index < json.length; index++) {
    const char = json[index];
    if (inString) {
      if (char === '\\') index++;
      else if (char === '"') inString = false;
    } else if (char === '"') inString = true;
    else if (char === '{' || char === '[') deepest = Math.max(deepest, ++depth);
    else if (char === '}' || char === ']') depth--;
  }
  return deepest;
}
