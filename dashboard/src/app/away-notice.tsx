import { useAwaySince } from '../data/reachability.ts';
import { clockTime } from '../ui/format.ts';

/** Says that the control plane does not answer, so that nobody takes what the page shows for the present. */
export function AwayNotice() {
  const since = useAwaySince();
  return (
    <div role="status">
      {since !== null && (
        <p className="bg-bad text-paper">
          <span className="caps mx-auto flex min-h-10 max-w-350 items-center gap-3 px-4 py-1">
            <span aria-hidden="true" className="blink size-2 shrink-0 bg-current" />
            <span>
              No answer from the control plane since {clockTime(new Date(since).toISOString())}. What you see is from
              before. Trying again…
            </span>
          </span>
        </p>
      )}
    </div>
  );
}
