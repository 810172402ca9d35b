import { clsx } from 'clsx';
import { type ReactNode, useRef, useState } from 'react';
import { useSize } from './use-size.ts';

/** Content of any length. If it is long, it shows only its beginning until the user unfolds it. */
export function Foldable({ open, onOpen, children }: { open: boolean; onOpen: () => void; children: ReactNode }) {
  const box = useRef<HTMLDivElement>(null);
  const [isLong, setIsLong] = useState(false);
  useSize(box, ({ scrollHeight, clientHeight }) => setIsLong(scrollHeight > clientHeight + 1));
  return (
    <>
      <div ref={box} className={clsx(!open && 'max-h-72 overflow-hidden')}>
        {children}
      </div>
      {isLong && !open && (
        <button type="button" onClick={onOpen} className="caps mt-2 min-h-8 border-2 border-current px-2">
          Show all
        </button>
      )}
    </>
  );
}
