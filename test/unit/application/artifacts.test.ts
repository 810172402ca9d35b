import { expect, it } from 'vitest';
import { readDiff, streamArtifact, streamPatch } from '../../../src/application/artifacts.ts';
import type { Call } from '../../../src/ports/calls.ts';
import type { SessionApi } from '../../../src/ports/sessions.ts';
import { ok, refuse } from '../../../src/protocol/common/errors.ts';

const CHUNK = 100_000;
const CALL: Call = {
  principal: { workspace: 'default', role: 'viewer', token_id: 'token' },
  request_id: 'request',
  idempotency: null,
};

/** A session whose patch has `chunks` chunks, of which those from `missingFrom` on are deleted. */
function holding(chunks: number, missingFrom = chunks) {
  const data = Buffer.alloc(CHUNK, 'a').toString('base64');
  const read = new Set<number>();
  const session = {
    diff: async () => ok({ checkpoint: 1, base_commit: null, files: [], local_only: false, artifact_id: 'patch' }),
    artifactChunk: async (_call: Call, _id: string, index: number) => {
      read.add(index);
      return index < missingFrom ? ok({ data, chunks }) : refuse('not_found', 'There is no such chunk.');
    },
  };
  return { session: session as unknown as SessionApi, read };
}

async function opened<T>(outcome: Promise<{ ok: true; value: T } | { ok: false }>): Promise<T> {
  const settled = await outcome;
  if (!settled.ok) throw new Error('refused');
  return settled.value;
}

it('a long diff is read at the pace of its reader, and not further after the reader has left', async () => {
  const { session, read } = holding(80);
  const stream = await opened(readDiff(session, CALL));
  expect(read.size, 'before anything is read').toBeLessThan(8);
  const reader = stream.getReader();
  await reader.read();
  await reader.cancel();
  expect(read.size).toBeLessThan(12);
});

it('a long diff is one JSON document with the whole patch', async () => {
  const { session, read } = holding(30);
  const diff = JSON.parse(await new Response(await opened(readDiff(session, CALL))).text());
  expect(diff).toEqual({
    checkpoint: 1,
    base_commit: null,
    files: [],
    local_only: false,
    is_text: true,
    patch: 'a'.repeat(30 * CHUNK),
  });
  expect(read.size).toBeLessThanOrEqual(31);
});

it('an artifact whose end is deleted while it is read breaks off, and is not taken for whole', async () => {
  const readArtifact = (session: SessionApi, call: Call) => streamArtifact(session, call, 'patch');
  for (const read of [readDiff, streamPatch, readArtifact]) {
    const stream = await opened(read(holding(20, 10).session, CALL));
    await expect(new Response(stream).text()).rejects.toThrow('no such chunk');
  }
});
