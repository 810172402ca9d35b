import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { ApiDocument, Operation } from '../../src/http/openapi.ts';
import { JSON_TYPE, mediaTypeIn } from '../../src/protocol/common/media-types.ts';

/** A request to the API and its answer. Bodies are texts; null for a body that is empty, or that is not JSON. */
export interface Exchange {
  method: string;
  /** The path with its query. */
  path: string;
  sent: string | null;
  /** The `Content-Type` of the request; null if it has none. */
  sentType: string | null;
  status: number;
  /** The headers of the answer, in lower case. */
  headers: Record<string, string>;
  answer: string | null;
}

/** The type that curl sends by default. The API reads such a body as JSON, although it does not declare the type. */
const READ_AS_JSON = 'application/x-www-form-urlencoded';

type Schema = Record<string, unknown>;

/** Headers that say something to callers. An operation that answers with one declares it. */
const TELLING = ['location', 'retry-after', 'www-authenticate', 'upgrade', 'etag', 'link', 'deprecation', 'sunset'];

/** Its items are judged on their own: a request with an invalid one succeeds, and the item's outcome is an error. */
const WITH_OUTCOMES = 'bulkSessions';

/**
 * Compares requests and answers with an OpenAPI document, as a validating proxy does. Objects are closed: an answer
 * with a member that the document does not have violates it, although readers must ignore such a member.
 */
export class Contract {
  readonly #document: ApiDocument;
  readonly #ajv = new Ajv2020({ strict: false, allErrors: true, coerceTypes: 'array' });
  readonly #strict = new Ajv2020({ strict: false, allErrors: true });

  constructor(document: ApiDocument) {
    this.#document = closed(structuredClone(document)) as ApiDocument;
    for (const ajv of [this.#ajv, this.#strict]) {
      addFormats.default(ajv);
      ajv.addFormat('binary', true);
      ajv.addSchema(this.#document as unknown as Schema, 'api');
    }
  }

  /** What the document does not allow in a request that succeeded, and in its answer. */
  violations(exchange: Exchange): string[] {
    const { method, path, status } = exchange;
    const [pathname = '', query = ''] = path.split('?');
    const template = this.#template(pathname);
    const verb = method === 'HEAD' ? 'get' : method.toLowerCase();
    const operation = template === null ? undefined : this.#document.paths[template]?.[verb];
    if (!operation) return this.#unknown(exchange, pathname, template);
    const pointer = `#/paths/${escaped(template!)}/${verb}`;
    const wrong = this.#answer(exchange, operation, pointer);
    if (status < 300)
      wrong.push(...this.#query(query, operation, pointer), ...this.#body(exchange, operation, pointer));
    return wrong.map((text) => `${method} ${template} ${status}: ${text}`);
  }

  /** Why a value does not fit a schema of the document. @param pointer such as `#/components/schemas/Session` */
  misfits(pointer: string, value: unknown): string[] {
    return this.#errors(this.#strict, pointer, value);
  }

  /** The template of a path; one without parameters comes first. */
  #template(pathname: string): string | null {
    const templates = Object.keys(this.#document.paths).sort(
      (a, b) => Number(a.includes('{')) - Number(b.includes('{')),
    );
    const of = (template: string) => new RegExp(`^${template.replaceAll(/\{\w+\}/g, '[^/]+')}/?$`);
    return templates.find((template) => of(template).test(pathname)) ?? null;
  }

  /** Checks an answer to a request that is no operation: a problem, wherever the API answers. */
  #unknown({ method, status, answer, headers }: Exchange, pathname: string, template: string | null): string[] {
    const isApi = /^\/(api|ws)(\/|$)/.test(pathname);
    if (method === 'OPTIONS' || (!isApi && !headers['content-type']?.includes('json'))) return [];
    const allowed = template === null ? [401, 404, 405, 426] : [401, 405, 426];
    if (isApi && !allowed.includes(status)) return [`${method} ${pathname} ${status}: is not in the document`];
    if (answer === null || !headers['content-type']?.includes('problem')) return [];
    return this.misfits('#/components/schemas/Problem', JSON.parse(answer));
  }

  #answer({ method, status, headers, answer }: Exchange, operation: Operation, pointer: string): string[] {
    const response = operation.responses[status];
    if (!response) return ['this status is not declared'];
    if (status === 101) return [];
    const at = `${pointer}/responses/${status}`;
    const wrong = this.#headers(headers, at, Object.keys(response.headers ?? {}));
    const type = headers['content-type']?.split(';')[0];
    const types = Object.keys(response.content ?? {});
    if (types.length === 0) return [...wrong, ...(answer ? ['has a body, which is not declared'] : [])];
    if (type === undefined || !types.includes(type)) return [...wrong, `${type} is not declared`];
    if (method === 'HEAD' || !type.endsWith('json')) return wrong;
    return [...wrong, ...this.misfits(`${at}/content/${escaped(type)}/schema`, JSON.parse(answer ?? 'null'))];
  }

  #headers(headers: Record<string, string>, at: string, declared: string[]): string[] {
    const surplus = TELLING.filter(
      (name) => name in headers && !declared.some((known) => known.toLowerCase() === name),
    ).map((name) => `the header ${name} is not declared`);
    const wrong = declared.flatMap((name) => {
      const value = headers[name.toLowerCase()];
      const { required, schemaAt } = this.#header(`${at}/headers/${name}`);
      if (value === undefined) return required ? [`the header ${name} is missing`] : [];
      return this.#errors(this.#ajv, schemaAt, value).map((text) => `the header ${name} ${text}`);
    });
    return [...surplus, ...wrong];
  }

  #header(pointer: string): { required: boolean; schemaAt: string } {
    const header = at(this.#document, pointer) as { $ref?: string; required?: boolean };
    if (header.$ref) return this.#header(header.$ref);
    return { required: header.required ?? false, schemaAt: `${pointer}/schema` };
  }

  #query(query: string, { parameters = [] }: Operation, pointer: string): string[] {
    const sent = new URLSearchParams(query);
    // An operation without parameters does not read the query.
    if (!parameters.some((parameter) => parameter.in === 'query')) return [];
    return [...new Set(sent.keys())].flatMap((name) => {
      const index = parameters.findIndex((parameter) => parameter.in === 'query' && parameter.name === name);
      if (index < 0) return [`the parameter ${name} is not declared`];
      const values = sent.getAll(name);
      const value = values.length === 1 ? values[0] : values;
      return this.#errors(this.#ajv, `${pointer}/parameters/${index}/schema`, value).map((text) => `${name} ${text}`);
    });
  }

  #body({ sent, sentType }: Exchange, { requestBody, operationId }: Operation, pointer: string): string[] {
    if (!requestBody || sent === null || operationId === WITH_OUTCOMES) return [];
    if (sent.trim() === '') return requestBody.required ? ['the body is empty, but required'] : [];
    const given = mediaTypeIn(sentType);
    const type = given === undefined || given === READ_AS_JSON ? JSON_TYPE : given;
    if (!(type in requestBody.content)) return [`the request was accepted, but its type ${type} is not declared`];
    const at = `${pointer}/requestBody/content/${escaped(type)}/schema`;
    return this.misfits(at, JSON.parse(sent)).map((text) => `the request was accepted, but ${text}`);
  }

  #errors(ajv: Ajv2020, pointer: string, value: unknown): string[] {
    const validate = ajv.getSchema(`api${pointer}`) ?? ajv.compile({ $ref: `api${pointer}` });
    const holder = { value };
    if (validate(holder.value)) return [];
    return (validate.errors ?? []).map(({ instancePath, message, params }) =>
      [instancePath, message, JSON.stringify(params)].join(' ').trim(),
    );
  }
}

function escaped(segment: string): string {
  return encodeURIComponent(segment.replaceAll('~', '~0').replaceAll('/', '~1'));
}

function at(document: unknown, pointer: string): unknown {
  const names = pointer.split('/').slice(1);
  const decoded = names.map((name) => decodeURIComponent(name).replaceAll('~1', '/').replaceAll('~0', '~'));
  return decoded.reduce((value, name) => (value as Record<string, unknown>)[name], document);
}

/** Closes each object with known members, except for the parts of an intersection. */
function closed(value: unknown, isPart = false): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const schema = value as Schema;
  if (schema.type === 'object' && schema.properties && !isPart) schema.additionalProperties ??= false;
  for (const [key, inner] of Object.entries(schema)) {
    if (Array.isArray(inner)) for (const one of inner) closed(one, key === 'allOf');
    else closed(inner);
  }
  return value;
}
