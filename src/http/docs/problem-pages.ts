import { ERROR_CODES, type ErrorCode, PROBLEM_TYPES, problemType } from '../../protocol/common/errors.ts';
import { page, prose } from './html.ts';

/** The catalogue of errors as pages: one of all, and one for each code, to which the `type` of a problem points. */

const CODES = Object.keys(ERROR_CODES) as ErrorCode[];

/** The code's entry in the catalogue, for programs; undefined for an unknown code. */
export function catalogueEntry(code: string): Record<string, unknown> | undefined {
  if (!Object.hasOwn(ERROR_CODES, code)) return undefined;
  return { type: problemType(code as ErrorCode), code, ...ERROR_CODES[code as ErrorCode] };
}

/** The whole catalogue, for programs. */
export function catalogue(): { items: Record<string, unknown>[] } {
  return { items: CODES.map((code) => catalogueEntry(code)!) };
}

/** The page of a code, or of all codes. */
export function renderProblems(codes: readonly ErrorCode[] = CODES): string {
  const title = codes.length === 1 ? `Error ${codes[0]}` : 'Errors of the API';
  const other = codes.length === 1 ? `<a href="${PROBLEM_TYPES}">All errors</a>, ` : '';
  return page(
    title,
    `<header><h1>${title}</h1><p>${other}<a href="/docs">the API’s reference</a></p></header>
<main>${codes.map(renderProblem).join('\n')}</main>`,
  );
}

function renderProblem(code: ErrorCode): string {
  const { status, title, retryable, meaning, remedy } = ERROR_CODES[code];
  const again = retryable ? 'The same request may succeed later.' : 'The same request fails again.';
  return `<article id="${code}">
<h2><a href="${problemType(code)}">${code}</a></h2>
<div><p>${status}: ${prose(title)}. ${again}</p><p>${prose(meaning)}</p><p>${prose(remedy)}</p></div>
</article>`;
}
