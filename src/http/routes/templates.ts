import { allTemplates } from '../../application/templates.ts';
import { ok, refuse } from '../../protocol/common/errors.ts';
import type { Dependencies } from '../dependencies.ts';
import type { SomeHandlers } from '../endpoints.ts';

/** Handlers of the templates by which tasks are split. */
export function templateHandlers(deps: Dependencies) {
  return {
    listTemplates: ({ call }) => allTemplates(deps, call),
    readTemplate: async ({ params: { name }, call }) => {
      const all = await allTemplates(deps, call);
      if (!all.ok) return all;
      const found = all.value.templates.find((template) => template.name === name);
      return found ? ok(found) : refuse('not_found', 'There is no template of this name.');
    },
    putTemplate: async ({ params: { name }, body, call }) => {
      const stored = await deps.workspaces.of(call.principal.workspace).putTemplate(call, name, body);
      return stored.ok ? ok({ ...stored.value, is_built_in: false }) : stored;
    },
    deleteTemplate: ({ params: { name }, call }) =>
      deps.workspaces.of(call.principal.workspace).deleteTemplate(call, name),
  } satisfies SomeHandlers;
}
