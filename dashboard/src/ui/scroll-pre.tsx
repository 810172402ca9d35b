import { clsx } from 'clsx';
import { type ReactNode, useRef, useState } from 'react';
import { useSize } from './use-size.ts';

/** Text as it is. It is a stop of the keyboard only if it has more than its box shows. */
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
