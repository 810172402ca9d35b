import { Api } from '../generated/swagger-typescript-api/api';

/** Makes the calls of the README, with a client that this generator made. */
export async function run(url: string, token: string) {
  const { api } = new Api({
    baseUrl: url,
    baseApiParams: { secure: true },
    securityWorker: () => ({ headers: { Authorization: `Bearer ${token}` } }),
  });

  const { data: created } = await api.createSession({
    title: 'Add a flag',
    initial_prompt: 'Add a --json flag to the list command',
  });
  const { id } = created;
  const { data: started } = await api.startSession(id);
  const status: string = started.status;
  const { data: list } = await api.listSessions({ status: 'queued,running' });
  const { data: log } = await api.listEvents(id);
  const reasons = log.items.map((event) => (event.type === 'session.status' ? event.data.reason : event.type));
  return { id, status, listed: list.items.map((item) => item.id), reasons };
}
