import { useAwaySince } from '../data/reachability.ts';
import { clockTime } from '../ui/format.ts';

/** Says that the control plane does not answer, and that the page may be out of date. */
export function AwayNotice() {
  const since = useAwaySince();
  return (
    <div role="status" className="min-w-0">
      {since !== null && (
        <p className="caps flex h-10 items-center gap-3 bg-bad px-3 text-paper">
          <span aria-hidden="true" className="blink size-2 shrink-0 bg-current" />
          <span className="line-clamp-2">
            No answer from the control plane since {clockTime(new Date(since).toISOString())}.{' '}
            <span className="max-md:sr-only">What you see is from before. Trying again…</span>
          </span>
        </p>
      )}
    </div>
  );
}
