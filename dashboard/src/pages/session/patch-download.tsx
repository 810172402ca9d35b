import { useMutation } from '@tanstack/react-query';
import { useClient } from '../../data/api.tsx';
import { Button } from '../../ui/button.tsx';
import { ErrorNotice } from '../../ui/notice.tsx';
import { save } from '../../ui/save.ts';

/** Saves the bytes of the session's patch as a file, for `git apply`. */
export function PatchDownload({ sessionId }: { sessionId: string }) {
  const client = useClient();
  const fileName = `${sessionId}.patch`;
  const download = useMutation({
    mutationFn: async () => save(await client.sessions.patch(sessionId), fileName, 'text/x-diff'),
  });
  return (
    <>
      <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
        <Button busy={download.isPending} onClick={() => download.mutate()}>
          Download the patch
        </Button>
        <p className="text-sm text-mute">
          Apply it in your clone: <code className="break-all">git apply --3way {fileName}</code>
        </p>
      </div>
      {download.isError && <ErrorNotice error={download.error} />}
    </>
  );
}
