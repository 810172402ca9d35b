import { clsx } from 'clsx';
import { type ReactNode, useId } from 'react';

/** A boxed section of a page with a heading. */
export function Panel({
  title,
  aside,
  tone = 'plain',
  level = 2,
  className,
  children,
}: {
  title: ReactNode;
  /** The level of the heading. */
  level?: 1 | 2;
  aside?: ReactNode;
  tone?: 'plain' | 'alert';
  className?: string;
  children: ReactNode;
}) {
  const id = useId();
  const Title = `h${level}` as const;
  return (
    <section
      aria-labelledby={id}
      className={clsx(
        'min-w-0 border-2 bg-paper shadow-hard',
        tone === 'alert' ? 'border-warn' : 'border-ink',
        className,
      )}
    >
      <header
        className={clsx(
          'flex items-center justify-between gap-3 border-b-2 px-3 py-1.5',
          tone === 'alert' ? 'border-warn bg-warn text-paper' : 'border-ink bg-shade',
        )}
      >
        <Title id={id} className="caps">
          {title}
        </Title>
        {aside}
      </header>
      {children}
    </section>
  );
}

/** Name and value pairs. */
export function Facts({ items }: { items: readonly (readonly [name: string, value: ReactNode])[] }) {
  return (
    <dl className="divide-y-2 divide-faint">
      {items.map(([name, value]) => (
        <div key={name} className="flex items-baseline justify-between gap-4 px-3 py-1.5">
          <dt className="caps shrink-0 text-mute">{name}</dt>
          <dd className="min-w-0 text-right font-mono text-sm wrap-anywhere">{value}</dd>
        </div>
      ))}
    </dl>
  );
}
