import { useState } from 'react';
import { resultRemark } from '../../../../src/domain/session/result-remark.ts';
import type { SessionState } from '../../../../src/domain/session/session-state.ts';
import { visible } from '../../../../src/domain/visible-text.ts';
import { Foldable } from '../../ui/foldable.tsx';
import { Markdown } from '../../ui/markdown.tsx';
import { ScrollPre } from '../../ui/scroll-pre.tsx';

/** The session's error or result. */
export function Outcome({ state }: { state: SessionState }) {
  const [open, setOpen] = useState(false);
  if (state.error) {
    return (
      <section aria-label="Error" className="border-2 border-bad bg-bad-soft p-3">
        <h2 className="caps text-bad">{state.error.code.replaceAll('_', ' ')}</h2>
        <p className="mt-1 text-sm break-words whitespace-pre-wrap">{visible(state.error.message)}</p>
      </section>
    );
  }
  if (!state.result) return null;
  const { summary, text, success, finish: _, files_changed: __, checks: ___, ...rest } = state.result;
  const remark = resultRemark(state.result);
  const words = typeof summary === 'string' ? summary : typeof text === 'string' ? text : null;
  return (
    <section aria-label="Result" className="border-2 border-go bg-go-soft p-3">
      <h2 className="caps text-go">Result</h2>
      {words && (
        <Foldable open={open} onOpen={() => setOpen(true)}>
          <Markdown text={words} className="mt-1 text-sm" />
        </Foldable>
      )}
      {!words && <p className="mt-1 text-sm">{success === false ? 'Not successful.' : 'Successful.'}</p>}
      {remark && <p className="mt-1 text-sm">{remark}</p>}
      {Object.keys(rest).length > 0 && <ScrollPre className="mt-2">{visible(JSON.stringify(rest, null, 2))}</ScrollPre>}
    </section>
  );
}
