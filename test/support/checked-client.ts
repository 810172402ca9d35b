import { type Client, type ClientOptions, createClient } from '../../src/client/client.ts';
import type { Exchange } from './contract.ts';
import { violationsOf } from './served-contract.ts';

/** A client of a control plane under test. Each of its calls, and each answer, must be as the API's description says. */
export function checkedClient(options: ClientOptions): Client {
  return createClient({ ...options, fetch: checkedFetch });
}

/**
 * `fetch`, like a validating proxy: an exchange that the description does not allow is answered with 500 and the
 * violations. A client repeats no such request.
 */
export const checkedFetch: typeof fetch = async (input, init) => {
  const request = new Request(input, init);
  const { method, url } = request;
  const { pathname, search } = new URL(url);
  const sent = request.body === null ? null : await request.clone().text();
  const response = await fetch(request);
  const headers = Object.fromEntries(response.headers);
  const isJson = headers['content-type']?.includes('json') ?? false;
  const answer = isJson ? await response.clone().text() : null;
  const sentType = request.headers.get('content-type');
  const { status } = response;
  const exchange: Exchange = { method, path: pathname + search, sent, sentType, status, headers, answer };
  const detail = violationsOf(exchange).join('\n');
  return detail === '' ? response : Response.json({ code: 'internal_error', status: 500, detail }, { status: 500 });
};
