import { useMutation } from '@tanstack/react-query';
import { useClient } from '../../data/api.tsx';
import { Button } from '../../ui/button.tsx';
import { ErrorNotice } from '../../ui/notice.tsx';

/** Saves the bytes of the session's patch as a file, for `git apply`. */
export function PatchDownload({ sessionId }: { sessionId: string }) {
  const client = useClient();
  const download = useMutation({
    mutationFn: async () => save(await client.sessions.patch(sessionId), `${sessionId}.patch`),
  });
  return (
    <>
      <Button busy={download.isPending} onClick={() => download.mutate()}>
        Download the patch
      </Button>
      {download.isError && <ErrorNotice error={download.error} />}
    </>
  );
}

function save(bytes: Uint8Array<ArrayBuffer>, name: string): void {
  const url = URL.createObjectURL(new Blob([bytes], { type: 'text/x-diff' }));
  const link = Object.assign(document.createElement('a'), { href: url, download: name });
  link.click();
  URL.revokeObjectURL(url);
}
