import type { TaskTemplate } from '../../protocol/workspace/task-template.ts';
import type { Subject } from './parts.ts';
import { BUILT_IN_TEMPLATES } from './templates.ts';

/** The templates of a workspace: its own, and the built-in ones whose names it does not use. */
export function templatesWith(own: readonly TaskTemplate[]): TaskTemplate[] {
  const byName = new Map([...BUILT_IN_TEMPLATES, ...own].map((template) => [template.name, template]));
  return [...byName.values()].sort((a, b) => b.specificity - a.specificity || (a.name < b.name ? -1 : 1));
}

/**
 * The template that fits a task best; null if none fits. A template fits if the title or the description has one of its
 * triggers, in whole words. Of several, one that fits the title goes before one that only fits the description; then the
 * greatest `specificity` counts, then the trigger with the most words, then the name.
 *
 * @example
 * chooseTemplate({ title: 'Build the orders', description: 'CRUD for orders' }, templatesWith([]))?.name; // 'crud'
 */
export function chooseTemplate(
  { title, description }: Pick<Subject, 'title' | 'description'>,
  templates: readonly TaskTemplate[],
): TaskTemplate | null {
  const [inTitle, inDescription] = [spaced(title), spaced(description)];
  const found = templates.flatMap((template) => {
    const ofTitle = longestMatch(inTitle, template);
    const words = ofTitle || longestMatch(inDescription, template);
    return words > 0 ? [{ template, isInTitle: ofTitle > 0, words }] : [];
  });
  found.sort(
    (a, b) =>
      Number(b.isInTitle) - Number(a.isInTitle) ||
      b.template.specificity - a.template.specificity ||
      b.words - a.words ||
      (a.template.name < b.template.name ? -1 : 1),
  );
  return found[0]?.template ?? null;
}

/** How many words the longest trigger has that the text has; 0 if it has none. */
function longestMatch(text: string, { triggers }: Pick<TaskTemplate, 'triggers'>): number {
  const matching = triggers.map(spaced).filter((trigger) => text.includes(trigger));
  return matching.reduce((most, trigger) => Math.max(most, trigger.trim().split(' ').length), 0);
}

/** The words of a text in lower case, with a space before, between and after them. */
function spaced(text: string): string {
  return ` ${(text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []).join(' ')} `;
}
