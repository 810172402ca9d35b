import { useState } from 'react';
import { visible } from '../../../../src/domain/visible-text.ts';
import { SECRET_MASK } from '../../../../src/protocol/context/visible.ts';
import { Button } from '../../ui/button.tsx';
import { bytes } from '../../ui/format.ts';
import { ScrollPre } from '../../ui/scroll-pre.tsx';
import { inFull, inOneLine } from './context-words.ts';

/** More would make the page slow. */
const SHOWN_CHARS = 4_000;

/** A value: in one line if it fits; else its beginning, which opens. Undefined is no value. */
export function ContextValue({ value }: { value: unknown }) {
  const [open, setOpen] = useState(false);
  if (value === undefined) return <span className="text-mute">no value</span>;
  const { line, isWhole } = inOneLine(value);
  if (isWhole) return <code className="font-mono text-sm wrap-anywhere">{visible(line)}</code>;
  return (
    <details className="group min-w-0" onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary className="font-mono text-sm wrap-anywhere">
        <span aria-hidden="true" className="mr-2 inline-block group-open:rotate-90">
          ▸
        </span>
        {visible(line)}
      </summary>
      {open && <Whole text={inFull(value)} />}
    </details>
  );
}

/** A value that is secret, or has a secret in it. It is not on the screen before somebody asks for it. */
export function SecretValue({ value }: { value: unknown }) {
  const [isShown, setShown] = useState(false);
  if (isShown) return <ContextValue value={value} />;
  return (
    <>
      <code className="font-mono text-sm text-mute">{SECRET_MASK}</code>
      {value !== SECRET_MASK && <Button onClick={() => setShown(true)}>Show</Button>}
    </>
  );
}

function Whole({ text }: { text: string }) {
  const [all, setAll] = useState(text.length <= SHOWN_CHARS);
  return (
    <>
      <ScrollPre className="mt-1 max-h-96 border-2 border-faint p-2 whitespace-pre-wrap wrap-anywhere">
        {visible(all ? text : `${text.slice(0, SHOWN_CHARS)}…`)}
      </ScrollPre>
      {!all && (
        <Button className="mt-2" onClick={() => setAll(true)}>
          Show all ({bytes(text.length)})
        </Button>
      )}
    </>
  );
}
