import { client } from '../generated/hey-api/client.gen';
import { createSession, listEvents, listSessions, startSession } from '../generated/hey-api/sdk.gen';

/** Makes the calls of the README, with a client that this generator made. */
export async function run(url: string, token: string) {
  client.setConfig({ baseUrl: url, auth: token });

  const created = await createSession({
    body: { title: 'Add a flag', initial_prompt: 'Add a --json flag to the list command' },
  });
  if (!created.data) throw new Error(created.error?.detail);
  const { id } = created.data;
  const started = await startSession({ path: { id } });
  const status: string | undefined = started.data?.status;
  const list = await listSessions({ query: { status: ['queued', 'running'] } });
  const { data: log } = await listEvents({ path: { id } });
  const reasons = (log?.items ?? []).map((event) => (event.type === 'session.status' ? event.data.reason : event.type));
  return { id, status, listed: list.data?.items.map((item) => item.id), reasons };
}
