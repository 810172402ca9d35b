import { templatesWith } from '../domain/decomposition/choose-template.ts';
import type { Call } from '../ports/calls.ts';
import type { Workspaces } from '../ports/workspace.ts';
import { type Outcome, ok } from '../protocol/common/errors.ts';
import type { TaskTemplate, TemplateList } from '../protocol/workspace/task-template.ts';

interface Needs {
  workspaces: Workspaces;
}

/** The templates that a workspace has added. */
export async function ownTemplates({ workspaces }: Needs, call: Call): Promise<Outcome<TaskTemplate[]>> {
  const stored = await workspaces.of(call.principal.workspace).templates(call);
  if (!stored.ok) return stored;
  return ok(stored.value.map(({ updated_at: _, ...template }) => template));
}

/** All templates of a workspace: its own, and the built-in ones whose names it does not use. */
export async function allTemplates({ workspaces }: Needs, call: Call): Promise<Outcome<TemplateList>> {
  const stored = await workspaces.of(call.principal.workspace).templates(call);
  if (!stored.ok) return stored;
  const times = new Map(stored.value.map(({ name, updated_at }) => [name, updated_at]));
  const own = stored.value.map(({ updated_at: _, ...template }) => template);
  const templates = templatesWith(own).map((template) => {
    const updated_at = times.get(template.name) ?? null;
    return { ...template, is_built_in: updated_at === null, updated_at };
  });
  return ok({ templates });
}
