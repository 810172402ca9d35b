import { problemsOf } from '../../src/domain/decomposition/check-parts.ts';
import type { StoredTemplate } from '../../src/ports/workspace.ts';
import { type Outcome, ok, refuse } from '../../src/protocol/common/errors.ts';
import { MAX_TEMPLATES } from '../../src/protocol/common/limits.ts';
import type { TemplateBody } from '../../src/protocol/workspace/task-template.ts';
import type { ObjectKit } from '../kit/runtime.ts';
import { instant } from '../kit/text.ts';

/** The templates that a workspace has added. */
export class Templates {
  readonly #kit: ObjectKit;

  constructor(kit: ObjectKit) {
    this.#kit = kit;
  }

  list(): StoredTemplate[] {
    const rows = this.#kit.store.rows<{ name: string; body: string; updated_at: number }>(
      `SELECT name, body, updated_at FROM task_templates ORDER BY name`,
    );
    return rows.map(({ name, body, updated_at }) => ({ name, ...JSON.parse(body), updated_at: instant(updated_at) }));
  }

  /** Adds a template, or replaces the one of this name. */
  put(name: string, body: TemplateBody): Outcome<StoredTemplate> {
    const { store } = this.#kit;
    const errors = problemsOf(body.parts).map(({ index, member, message }) => ({
      path: `parts.${index}.${member}`,
      message,
    }));
    if (errors.length > 0) return refuse('validation_failed', 'The parts do not fit together.', { errors });
    const others = store.row<{ n: number }>(`SELECT COUNT(*) AS n FROM task_templates WHERE name <> ?`, name)!.n;
    if (others >= MAX_TEMPLATES) {
      return refuse('limit_reached', `The workspace has ${MAX_TEMPLATES} templates already. Delete one first.`);
    }
    const now = store.platform.now();
    store.rows(
      `INSERT INTO task_templates (name, body, updated_at) VALUES (?, ?, ?)
       ON CONFLICT DO UPDATE SET body = excluded.body, updated_at = excluded.updated_at`,
      name,
      JSON.stringify(body),
      now,
    );
    return ok({ name, ...body, updated_at: instant(now) });
  }

  remove(name: string): Outcome<null> {
    const { store } = this.#kit;
    const [gone] = store.rows(`DELETE FROM task_templates WHERE name = ? RETURNING name`, name);
    return gone ? ok(null) : NO_SUCH_TEMPLATE;
  }
}

export const NO_SUCH_TEMPLATE = refuse(
  'not_found',
  'The workspace has added no template of this name. Built-in templates can be replaced, but not deleted.',
);
