import { truncated } from '../../../src/protocol/common/text.ts';
import type { TaskDefinition } from './task-details.ts';

/** What an earlier task has reported. */
interface Report {
  title: string;
  text: string;
}

/** The most of one report, and of all together, in UTF-16 code units. */
const MAX_REPORT_CHARS = 4_000;
const MAX_REPORTS_CHARS = 40_000;

/** The prompt of a task: its description, and the reports of the tasks before it, shortened and with their titles. */
export function promptOf({ description }: TaskDefinition, reports: readonly Report[]): string {
  const parts: string[] = [];
  let left = MAX_REPORTS_CHARS;
  for (const { title, text } of reports) {
    const part = `## ${title}\n\n${truncated(text, MAX_REPORT_CHARS)}`;
    if (part.length > left) break;
    left -= part.length;
    parts.push(part);
  }
  if (parts.length === 0) return description;
  return `${description}\n\n# What the tasks before this one have reported\n\n${parts.join('\n\n')}`;
}
