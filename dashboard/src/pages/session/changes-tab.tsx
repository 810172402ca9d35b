import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { missingInPatch } from '../../../../src/domain/session/missing-in-patch.ts';
import { visible } from '../../../../src/domain/visible-text.ts';
import type { DiffFile, SessionDiff } from '../../../../src/protocol/session/checkpoint.ts';
import { useClient } from '../../data/api.tsx';
import { Empty, ErrorNotice, Loading } from '../../ui/notice.tsx';
import { splitPatch } from '../../ui/patch.ts';
import { PatchLines } from '../../ui/patch-view.tsx';
import { PatchDownload } from './patch-download.tsx';

/** The session's changes as of its newest checkpoint. */
export function ChangesTab({ sessionId, checkpoint }: { sessionId: string; checkpoint: number | null }) {
  const client = useClient();
  const diff = useQuery({
    queryKey: ['diff', sessionId, checkpoint],
    queryFn: ({ signal }) => client.sessions.diff(sessionId, { signal }),
    placeholderData: keepPreviousData,
  });
  if (diff.isPending) return <Loading what="the changes" />;
  if (!diff.data) return <ErrorNotice error={diff.error} />;
  return (
    <div className="space-y-4">
      {diff.isError && <ErrorNotice error={diff.error} />}
      <Changes diff={diff.data} />
      {diff.data.patch !== '' && <PatchDownload sessionId={sessionId} />}
    </div>
  );
}

function Changes({ diff }: { diff: SessionDiff }) {
  const patches = useMemo(() => new Map(splitPatch(diff.patch).map((file) => [file.path, file.lines])), [diff.patch]);
  if (diff.checkpoint === null) {
    return (
      <Empty title="No checkpoint yet">
        Changes are shown as of the newest checkpoint. An agent takes one after each turn.
      </Empty>
    );
  }
  if (diff.files.length === 0) {
    return (
      <>
        <Warnings diff={diff} />
        <Empty title="No changes">As of checkpoint {diff.checkpoint}.</Empty>
      </>
    );
  }
  return (
    <>
      <p className="font-mono text-xs text-mute">
        As of checkpoint {diff.checkpoint}
        {diff.base_commit && `, against ${diff.base_commit.slice(0, 12)}`}
      </p>
      <Warnings diff={diff} />
      {diff.files.map((file) => (
        <section key={file.path} aria-label={file.path} className="border-2 border-ink">
          <FileHeading file={file} />
          <PatchLines lines={patches.get(file.path) ?? []} />
        </section>
      ))}
    </>
  );
}

/** What the view or the patch does not show. */
function Warnings({ diff }: { diff: SessionDiff }) {
  const missing = missingInPatch(diff).map((what) => `Not in the patch: ${what}.`);
  const unseen = diff.is_text ? [] : ['Some bytes are not UTF-8 and shown as \uFFFD. The download has them unchanged.'];
  const cut = diff.is_cut ? ['The patch is too long to be shown whole. The download has all of it.'] : [];
  return [...missing, ...unseen, ...cut].map((warning) => (
    <p key={warning} className="border-2 border-bad bg-bad-soft p-3 text-sm break-words">
      {visible(warning)}
    </p>
  ));
}

function FileHeading({ file }: { file: DiffFile }) {
  return (
    <h3 className="flex flex-wrap items-baseline justify-between gap-x-4 border-b-2 border-ink bg-shade px-3 py-1.5">
      <span className="font-mono text-sm font-bold break-all">{visible(file.path)}</span>
      <span className="caps flex gap-3">
        <span className="text-mute">{file.status}</span>
        <span className="text-go">+{file.additions}</span>
        <span className="text-bad">−{file.deletions}</span>
      </span>
    </h3>
  );
}
