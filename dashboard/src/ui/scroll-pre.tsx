import { clsx } from 'clsx';
import { type ReactNode, useRef, useState } from 'react';
import { useSize } from './use-size.ts';

/** Preformatted text. The keyboard can reach it only if it overflows its box. */
export function ScrollPre({ className, children }: { className?: string | undefined; children: ReactNode }) {
  const box = useRef<HTMLPreElement>(null);
  const [overflows, setOverflows] = useState(false);
  useSize(box, ({ scrollHeight, clientHeight, scrollWidth, clientWidth }) =>
    setOverflows(scrollHeight > clientHeight || scrollWidth > clientWidth),
  );
  return (
    <pre
      ref={box}
      tabIndex={overflows ? 0 : undefined}
      className={clsx('overflow-auto font-mono text-xs/5', className)}
    >
      {children}
    </pre>
  );
}
