import { clsx } from 'clsx';
import { useMemo } from 'react';
import { ScrollPre } from '../../ui/scroll-pre.tsx';
import { terminalPieces } from '../../ui/terminal-text.ts';

/** What a command has printed, or was given, under a label. */
export function OutputBlock({ label, text, tone }: { label: string; text: string; tone?: string }) {
  const pieces = useMemo(() => terminalPieces(text), [text]);
  return (
    <div className="px-3 py-2">
      <p className="caps text-mute">
        {label}
        {text.includes('\uFFFD') && '. Bytes that are not text are shown as \uFFFD'}
      </p>
      <ScrollPre className={clsx('mt-1 max-h-96 whitespace-pre-wrap wrap-anywhere', tone)}>
        {pieces.map(({ text: piece, look }, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a piece has no id, only a position
          <span key={index} className={look || undefined}>
            {piece}
          </span>
        ))}
      </ScrollPre>
    </div>
  );
}
