import { clsx } from 'clsx';
import type { ButtonHTMLAttributes } from 'react';

type Look = 'plain' | 'strong' | 'danger' | 'quiet';

const LOOKS: Record<Look, string> = {
  plain: 'border-ink bg-paper text-ink enabled:hover:bg-ink enabled:hover:text-paper',
  strong:
    'border-ink bg-ink text-paper enabled:hover:-translate-px enabled:hover:shadow-[3px_3px_0_0_var(--mute)] enabled:active:translate-px enabled:active:shadow-none',
  danger: 'border-bad bg-paper text-bad enabled:hover:bg-bad enabled:hover:text-paper',
  quiet: 'border-transparent bg-transparent text-ink enabled:hover:border-ink',
};

/** A button. `busy` shows that its action is in progress, and disables it. */
export function Button({
  look = 'plain',
  busy = false,
  className,
  children,
  ...rest
}: ButtonHTMLAttributes<HTMLButtonElement> & { look?: Look; busy?: boolean }) {
  return (
    <button
      type="button"
      {...rest}
      disabled={rest.disabled || busy}
      aria-busy={busy}
      className={clsx(
        'caps inline-flex min-h-10 items-center justify-center gap-2 border-2 px-3 py-1.5 whitespace-nowrap disabled:opacity-50',
        LOOKS[look],
        className,
      )}
    >
      {busy && <span aria-hidden="true" className="blink inline-block size-2 bg-current" />}
      {children}
    </button>
  );
}
