import { clsx } from 'clsx';
import type { TranscriptItem } from '../../../../src/domain/session/transcript.ts';
import { visible } from '../../../../src/domain/visible-text.ts';
import { Panel } from '../../ui/panel.tsx';
import { type CheckItem, checkText, checkTone, roundText } from './check.tsx';
import { newestRound } from './task-words.ts';

/** How the checks of each task ended in their newest round. */
export function ChecksPanel({ transcript }: { transcript: readonly TranscriptItem[] }) {
  const checks = newestRounds(transcript);
  if (checks.length === 0) return null;
  const several = new Set(checks.map(({ task }) => task)).size > 1;
  return (
    <Panel title="Checks">
      <ul className="max-h-72 divide-y-2 divide-faint overflow-y-auto">
        {checks.map((item) => (
          <li key={`${item.task}/${item.id}`} className="px-3 py-2">
            <p className="font-mono text-sm wrap-anywhere">{visible(item.command)}</p>
            <p className={clsx('caps', checkTone(item))}>
              {several && `Task ${item.task}, `}
              {checkText(item)}
              {roundText(item)}
            </p>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function newestRounds(transcript: readonly TranscriptItem[]): CheckItem[] {
  return [...Map.groupBy(transcript, ({ task }) => task).values()].flatMap(newestRound);
}
