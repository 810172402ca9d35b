import { PROBLEM_TYPES } from '../../protocol/common/errors.ts';
import type { JsonSchema } from '../json-schema.ts';
import type { ApiDocument, Operation } from '../openapi.ts';
import { escapeHtml, page } from './html.ts';
import { typeOf } from './type-names.ts';

/**
 * Renders an API description as one plain page. The page needs no script and no external files, so that it works
 * without a network and under a strict content policy.
 */
export function renderReference(document: ApiDocument): string {
  const operations = operationsByTag(document);
  const schemas = Object.entries(document.components.schemas).sort(([a], [b]) => a.localeCompare(b));
  const { title, version, description } = document.info;
  return page(
    `${title} – API`,
    `<header>
<h1>${escapeHtml(title)}</h1>
<p>${escapeHtml(description)}</p>
<p>Version ${escapeHtml(version)}. For programs: <a href="/openapi.json">OpenAPI ${escapeHtml(document.openapi)}</a>.
<a href="${PROBLEM_TYPES}">All errors</a>.</p>
</header>
<nav aria-label="Sections"><ul>
${[...operations.keys(), 'Schemas'].map((tag) => `<li><a href="#${anchor(tag)}">${escapeHtml(tag)}</a></li>`).join('\n')}
</ul></nav>
<main>
${[...operations].map(([tag, entries]) => section(tag, entries.map(renderOperation))).join('\n')}
${section('Schemas', schemas.map(renderSchema))}
</main>`,
  );
}

interface Entry {
  method: string;
  path: string;
  operation: Operation;
}

function operationsByTag({ paths }: ApiDocument): Map<string, Entry[]> {
  const byTag = new Map<string, Entry[]>();
  for (const [path, methods] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const tag = operation.tags[0]!;
      byTag.set(tag, [...(byTag.get(tag) ?? []), { method: method.toUpperCase(), path, operation }]);
    }
  }
  return byTag;
}

function section(title: string, articles: string[]): string {
  return `<section><h2 id="${anchor(title)}">${escapeHtml(title)}</h2>\n${articles.join('\n')}</section>`;
}

function renderOperation({ method, path, operation }: Entry): string {
  const roles = operation['x-roles'];
  const parameters = (operation.parameters ?? []).map(({ name, in: place, required, description, schema }) => [
    `<code>${escapeHtml(name)}</code>${required ? ' *' : ''}`,
    escapeHtml(place),
    typeOf(schema),
    escapeHtml(description ?? ''),
  ]);
  const requestSchema = operation.requestBody?.content['application/json']?.schema;
  const responses = Object.entries(operation.responses).map(([status, { description, content, headers }]) => [
    `<code>${escapeHtml(status)}</code>`,
    Object.entries(content ?? {})
      .map(([type, { schema }]) => (schema.$ref ? typeOf(schema) : escapeHtml(type)))
      .join(' '),
    escapeHtml(description),
    Object.keys(headers ?? {})
      .map((name) => `<code>${escapeHtml(name)}</code>`)
      .join(' '),
  ]);
  return `<article id="${anchor(operation.operationId)}">
<h3><b>${method}</b> ${escapeHtml(path)}</h3>
<div><p>${escapeHtml(operation.summary)}</p>
<p>Operation: <code>${escapeHtml(operation.operationId)}</code>${roles ? `. Roles: ${roles.map(escapeHtml).join(', ')}` : ''}</p>
${table('Parameters', ['Name', 'In', 'Type', 'Meaning'], parameters)}
${requestSchema ? `<h4>Body</h4><p>${typeOf(requestSchema)}</p>` : ''}
${table('Responses', ['Status', 'Body', 'Meaning', 'Headers'], responses)}
</div></article>`;
}

function renderSchema([name, schema]: [string, JsonSchema]): string {
  const required = new Set((schema.required as string[] | undefined) ?? []);
  const members = Object.entries((schema.properties as Record<string, JsonSchema> | undefined) ?? {});
  const rows = members.map(([member, type]) => [
    `<code>${escapeHtml(member)}</code>${required.has(member) ? ' *' : ''}`,
    typeOf(type),
    'default' in type ? `<code>${escapeHtml(JSON.stringify(type.default))}</code>` : '',
  ]);
  return `<article id="${anchor(`schema-${name}`)}">
<h3>${escapeHtml(name)}</h3>
<div><p>${escapeHtml(schema.description ?? '')}</p>
${rows.length > 0 ? table('Members', ['Name', 'Type', 'Default'], rows) : `<p>${typeOf(schema)}</p>`}
<details><summary>Example</summary><pre>${escapeHtml(JSON.stringify(schema.example, null, 2))}</pre></details>
</div></article>`;
}

function table(title: string, heads: string[], rows: string[][]): string {
  if (rows.length === 0) return '';
  const head = heads.map((text) => `<th scope="col">${escapeHtml(text)}</th>`).join('');
  const body = rows.map((cells) => `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`).join('\n');
  return `<h4>${escapeHtml(title)}</h4><table><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table>`;
}

function anchor(text: string): string {
  return text.toLowerCase().replace(/[^a-z0-9]+/g, '-');
}
