import { Link, useParams } from '@tanstack/react-router';
import { useEffect } from 'react';
import { visible } from '../../../src/domain/visible-text.ts';
import { useWaiting } from '../data/waiting.tsx';

/** Leads from every page to the sessions that wait for an answer, and announces them. */
export function Attention() {
  const { total, sessions } = useWaiting();
  const { id: open } = useParams({ strict: false });
  useIcon(total > 0);
  const others = sessions.filter(({ id }) => id !== open);
  const otherCount = total - (sessions.length - others.length);
  const [first] = others;
  return (
    <>
      <p role="status" className="sr-only">
        {total > 0 && `${sentence(total)}: ${sessions.map(({ title }) => visible(title)).join(', ')}`}
      </p>
      {first && (
        <nav aria-label="Waiting for you" className="min-w-0 bg-warn text-paper">
          <p className="caps flex h-10 items-center gap-3 px-3">
            <span aria-hidden="true" className="blink size-2 shrink-0 bg-current" />
            <span className="line-clamp-2">
              {open === undefined
                ? sentence(otherCount)
                : `${otherCount} more ${otherCount === 1 ? 'waits' : 'wait'} for you`}
            </span>
            {otherCount === 1 ? (
              <Link to="/sessions/$id" params={{ id: first.id }} className="min-w-0 flex-1 truncate underline">
                {visible(first.title)}
              </Link>
            ) : (
              <Link to="/" search={{ waiting: true }} className="underline">
                Show them
              </Link>
            )}
          </p>
        </nav>
      )}
    </>
  );
}

function sentence(count: number): string {
  return count === 1 ? '1 session waits for your answer' : `${count} sessions wait for your answer`;
}

/** The tab's icon has a mark while a session waits. */
function useIcon(marked: boolean): void {
  useEffect(() => {
    const icon = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
    icon?.setAttribute('href', marked ? '/icon-waiting.svg' : '/icon.svg');
  }, [marked]);
}
