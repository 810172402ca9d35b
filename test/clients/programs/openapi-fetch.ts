import createClient from 'openapi-fetch';
import type { paths } from '../generated/openapi-typescript/schema.ts';

/** Makes the calls of the README, with a client that this generator made. */
export async function run(url: string, token: string) {
  const api = createClient<paths>({
    baseUrl: url,
    headers: { Authorization: `Bearer ${token}` },
  });

  const created = await api.POST('/api/v1/sessions', {
    body: { title: 'Add a flag', initial_prompt: 'Add a --json flag to the list command' },
  });
  if (created.error) throw new Error(created.error.detail);
  const { id } = created.data;
  const started = await api.POST('/api/v1/sessions/{id}/start', { params: { path: { id } } });
  const status: string | undefined = started.data?.status;
  const list = await api.GET('/api/v1/sessions', { params: { query: { status: ['queued', 'running'] } } });
  const { data: log } = await api.GET('/api/v1/sessions/{id}/events', { params: { path: { id } } });
  const reasons = (log?.items ?? []).map((event) => (event.type === 'session.status' ? event.data.reason : event.type));
  return { id, status, listed: list.data?.items.map((item) => item.id), reasons };
}
