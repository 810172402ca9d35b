import { clsx } from 'clsx';
import type { ReactNode } from 'react';

interface RunBoxProps {
  /** What is run: the name of a tool, or that it is a check. */
  kind: string;
  /** What it is run with, in one line. */
  title: string;
  /** How it stands or ended, and the colour of these words. */
  state: string;
  tone: string;
  running: boolean;
  bad: boolean;
  open: boolean;
  onToggle: () => void;
  /** Attributes by which tests and styles find the box. */
  marks: Record<`data-${string}`, string>;
  /** Its input and output, shown while the box is open. */
  children: ReactNode;
  /** Shown under the box also while it is closed. */
  footer?: ReactNode;
}

/** Something that an agent has run: a line that says what and how it ended, and on request its input and output. */
export function RunBox(props: RunBoxProps) {
  const { kind, title, state, tone, running, bad, open, onToggle, marks, children, footer } = props;
  return (
    <div {...marks} className={clsx('border-2', bad ? 'border-bad' : 'border-ink')}>
      <button
        type="button"
        aria-expanded={open}
        onClick={onToggle}
        className={clsx(
          'flex w-full items-center gap-3 px-3 py-1.5 text-left',
          bad ? 'bg-bad-soft' : 'bg-shade',
          open && 'border-b-2 border-inherit',
        )}
      >
        <span aria-hidden="true" className="caps">
          {open ? '−' : '+'}
        </span>
        <span className="caps shrink-0">{kind}</span>
        <span className="min-w-0 flex-1 truncate font-mono text-xs">{title}</span>
        <span className={clsx('caps flex shrink-0 items-center gap-1.5', tone)}>
          {running && <span aria-hidden="true" className="blink size-2 bg-current" />}
          {state}
        </span>
      </button>
      {open && <div className="divide-y-2 divide-faint">{children}</div>}
      {footer}
    </div>
  );
}
