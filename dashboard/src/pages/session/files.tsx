import { useMutation, useQuery } from '@tanstack/react-query';
import { visible } from '../../../../src/domain/visible-text.ts';
import type { FileView } from '../../../../src/protocol/run/reports.ts';
import { useClient, useMay } from '../../data/api.tsx';
import { Button } from '../../ui/button.tsx';
import { bytes } from '../../ui/format.ts';
import { ErrorNotice } from '../../ui/notice.tsx';
import { Panel } from '../../ui/panel.tsx';
import { save } from '../../ui/save.ts';

/** The files of the session's results, if it has any. @param version changes when there may be others */
export function Files({ sessionId, version }: { sessionId: string; version: string }) {
  const client = useClient();
  const files = useQuery({
    queryKey: ['files', sessionId, version],
    queryFn: ({ signal }) => client.sessions.files(sessionId, { signal }),
  });
  if (files.isError) return <ErrorNotice error={files.error} />;
  if (!files.data?.length) return null;
  return (
    <Panel title="Files">
      <ul className="divide-y-2 divide-faint">
        {files.data.map((file) => (
          <File key={file.id} sessionId={sessionId} file={file} />
        ))}
      </ul>
    </Panel>
  );
}

function File({ sessionId, file }: { sessionId: string; file: FileView }) {
  const client = useClient();
  const mayRead = useMay('read_artifact');
  const name = file.path.slice(file.path.lastIndexOf('/') + 1);
  const download = useMutation({
    mutationFn: async () => save(await client.sessions.artifact(sessionId, file.id), name, file.mime_type),
  });
  return (
    <li className="px-3 py-2">
      <div className="flex flex-wrap items-center justify-between gap-x-4 gap-y-1">
        <span className="min-w-0 font-mono text-sm break-all">{visible(file.path)}</span>
        <span className="flex items-center gap-3 font-mono text-xs text-mute">
          {visible(file.mime_type)}, {bytes(file.bytes)}
          {mayRead && (
            <Button
              className="min-h-7! px-2! py-0!"
              busy={download.isPending}
              aria-label={`Download ${visible(file.path)}`}
              onClick={() => download.mutate()}
            >
              Download
            </Button>
          )}
        </span>
      </div>
      {download.isError && <ErrorNotice error={download.error} />}
    </li>
  );
}
