import { describe, expect, it } from 'vitest';
import type { DiffSource } from '../../src/ports/sessions.ts';
import { type Outcome, ok, refuse } from '../../src/protocol/common/errors.ts';
import type { SessionDiff } from '../../src/protocol/session/checkpoint.ts';
import { appWith, SESSION_ID, STATIC_TOKEN, sessionsWith, UUID } from './http-support.ts';

const token = STATIC_TOKEN;
const SESSION = `/api/v1/sessions/${SESSION_ID}`;
const PATCH = 'diff --git a/größe.txt b/größe.txt\n+Größe: 3 µm – 日本語 🏭\n';

const source: DiffSource = { checkpoint: 2, base_commit: 'abc', files: [], local_only: false, artifact_id: null };

async function gzip(content: Blob): Promise<Uint8Array> {
  const packed = content.stream().pipeThrough(new CompressionStream('gzip'));
  return new Uint8Array(await new Response(packed).arrayBuffer());
}

/** An application with one artifact, in chunks of `size` bytes. Its last chunk is `failing`, if there is one. */
function holding(bytes: Uint8Array, size: number, failing: Outcome<never> | null = null) {
  const chunks: string[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    chunks.push(btoa(String.fromCharCode(...bytes.subarray(at, at + size))));
  }
  let reads = 0;
  const sessions = sessionsWith({
    diff: async () => ok({ ...source, artifact_id: UUID }),
    artifactChunk: async (_call, id, index) => {
      reads++;
      const data = id === UUID ? chunks[index] : undefined;
      if (data !== undefined) return ok({ data, chunks: failing ? chunks.length + 1 : chunks.length });
      return failing ?? refuse('not_found', 'There is no such artifact.');
    },
  });
  return { ...appWith({ sessions }), reads: () => reads };
}

describe('a diff', () => {
  const bytes = new TextEncoder().encode(PATCH);

  it.each([1, 2, 7, 1_000])('is complete when chunks of %i bytes end inside characters', async (size) => {
    const response = await holding(bytes, size).ask(`${SESSION}/diff`, { token });
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      checkpoint: 2,
      base_commit: 'abc',
      files: [],
      local_only: false,
      is_text: true,
      patch: PATCH,
    } satisfies SessionDiff);
  });

  it('that is not UTF-8 says so, and its bytes are returned unchanged', async () => {
    const latin = Uint8Array.from([...bytes, 0x63, 0x61, 0x66, 0xe9, 0x0a]);
    const { ask } = holding(latin, 5);
    expect(await (await ask(`${SESSION}/diff`, { token })).json()).toMatchObject({
      is_text: false,
      patch: `${PATCH}caf\uFFFD\n`,
    });
    const patch = await ask(`${SESSION}/patch`, { token });
    expect(new Uint8Array(await patch.arrayBuffer())).toEqual(latin);
  });

  it.each([1, 7, 1_000])(
    'that was compressed is shown and returned as it was, from chunks of %i bytes',
    async (size) => {
      const { ask } = holding(await gzip(new Blob([bytes])), size);
      expect(await (await ask(`${SESSION}/diff`, { token })).json()).toMatchObject({ is_text: true, patch: PATCH });
      const patch = await ask(`${SESSION}/patch`, { token });
      expect(new Uint8Array(await patch.arrayBuffer())).toEqual(bytes);
    },
  );

  it('that is long is shown cut, says so, and is returned whole', async () => {
    const line = new TextEncoder().encode(`+${'é'.repeat(500_000)}\n`);
    const long = new Blob(Array.from({ length: 9 }, () => line));
    const { ask } = holding(await gzip(long), 100_000);
    const diff = (await (await ask(`${SESSION}/diff`, { token })).json()) as SessionDiff;
    expect(diff).toMatchObject({ is_text: true, is_cut: true });
    expect(diff.patch.length).toBeGreaterThan(4_000_000);
    const patch = await ask(`${SESSION}/patch`, { token });
    expect((await patch.arrayBuffer()).byteLength).toBe(long.size);
  });

  it('that is long keeps its quotes and control characters', async () => {
    const text = '+"quoted" \\ \u0000 \u2028 🏭\t\n'.repeat(60_000);
    const response = await holding(new TextEncoder().encode(text), 100_001).ask(`${SESSION}/diff`, { token });
    expect(await response.json()).toMatchObject({ patch: text, is_text: true });
  });

  it('that is damaged is not a bug of the control plane', async () => {
    const damaged = (await gzip(new Blob([bytes]))).slice(0, 30);
    const response = await holding(damaged, 10).ask(`${SESSION}/diff`, { token });
    expect(response.status).toBe(503);
  });

  it('is empty before the first checkpoint', async () => {
    const { ask } = appWith({ sessions: sessionsWith({ diff: async () => ok({ ...source, checkpoint: null }) }) });
    expect(await (await ask(`${SESSION}/diff`, { token })).json()).toMatchObject({ checkpoint: null, patch: '' });
    expect((await (await ask(`${SESSION}/patch`, { token })).arrayBuffer()).byteLength).toBe(0);
  });
});

describe('an artifact', () => {
  const bytes = Uint8Array.from({ length: 1_000 }, (_, index) => (index * 31) % 256);
  const path = `${SESSION}/artifacts/${UUID}`;

  it('is returned as its bytes', async () => {
    const response = await holding(bytes, 64).ask(path, { token });
    expect(response.headers.get('Content-Type')).toBe('application/octet-stream');
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(bytes);
  });

  it('is read at the pace of its reader', async () => {
    const { ask, reads } = holding(bytes, 1);
    const reader = (await ask(path, { token })).body!.getReader();
    await reader.read();
    await reader.cancel();
    expect(reads()).toBeLessThan(10);
  });

  it('that does not exist is not found', async () => {
    const response = await holding(bytes, 64).ask(path.replace(UUID, UUID.replace('3', '4')), { token });
    expect(response.status).toBe(404);
  });

  it('whose stream breaks off is reported as an error', async () => {
    const response = await holding(bytes, 64, refuse('unavailable', 'away')).ask(path, { token });
    await expect(response.arrayBuffer()).rejects.toThrow();
  });
});
