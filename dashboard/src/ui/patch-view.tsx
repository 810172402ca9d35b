import { clsx } from 'clsx';
import { useState } from 'react';
import { visible } from '../../../src/domain/visible-text.ts';
import { Button } from './button.tsx';
import { count } from './format.ts';
import { kindOf, type LineKind } from './patch.ts';
import { ScrollPre } from './scroll-pre.tsx';

const TONES: Record<LineKind, string> = {
  add: 'bg-go-soft text-go',
  remove: 'bg-bad-soft text-bad',
  hunk: 'bg-shade text-mute',
  meta: 'text-mute',
  same: '',
};
/** More lines would make the page slow, so they are shown on request. */
const SHOWN_LINES = 1_000;

export function PatchLines({ lines }: { lines: string[] }) {
  const [all, setAll] = useState(false);
  const shown = all ? lines : lines.slice(0, SHOWN_LINES);
  return (
    <>
      <ScrollPre>
        <code className="block w-max min-w-full">
          {shown.map((line, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a line has no id, only a position
            <span key={index} className={clsx('block px-3', TONES[kindOf(line)])}>
              {visible(line) || ' '}
            </span>
          ))}
        </code>
      </ScrollPre>
      {shown.length < lines.length && (
        <div className="border-t-2 border-faint p-2">
          <Button onClick={() => setAll(true)}>Show {count(lines.length - shown.length)} more lines</Button>
        </div>
      )}
    </>
  );
}
