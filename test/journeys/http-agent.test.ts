import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { ClaimedWork } from '../../src/protocol/run/reports.ts';
import { startSession } from '../system/support/started-session.ts';
import { oioOf } from './support/oio.ts';
import { sharedFleet } from './support/shared-fleet.ts';

const fleet = sharedFleet();
const labels = ['transport=http'];
const ARTIFACTS = [
  { path: 'reports/tests.xml', content: '<tests/>', mime_type: 'application/xml' },
  { path: 'notes.txt', content: 'Grüße\n' },
];

it('an agent over plain HTTP does a session, whose files the command line lists and saves', async () => {
  const profile = { agent_type: 'implementer' as const, capabilities: [], labels };
  const { id, token } = await fleet.client.agents.register({ name: 'AGENT-WEB', ...profile });
  const post = async <T>(path: string, body: object) => {
    const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
    const init = { method: 'POST', headers, body: JSON.stringify(body) };
    return (await (await fetch(`${fleet.address.url}/api/v1/${path}`, init)).json()) as T;
  };
  const waiting = post<ClaimedWork>(`agents/${id}/claim`, { wait_seconds: 25 });
  const session = await startSession(fleet.client, ['hello'], { required_labels: labels });
  const [work] = (await waiting).assignments;
  const lease = `leases/${work!.task_id}/${work!.epoch}`;
  const text = { message_id: 'm', part_id: 'p', offset: 0, text: 'Hello.' };
  await post(`${lease}/events`, { events: [{ n: 1, type: 'text.delta', data: text }] });
  await post(`${lease}/result`, { status: 'completed', output: 'Hello.', artifacts: ARTIFACTS });
  await session.ended('completed');
  session.watch.close();

  expect((await oioOf(fleet, 'session', 'show', session.id)).output).toContain('  Hello.');
  const listed = await oioOf(fleet, 'session', 'files', session.id);
  expect(listed.output).toMatch(/8 +application\/xml +reports\/tests\.xml/);
  const folder = join(mkdtempSync(join(fleet.path, 'files-')), 'saved');
  await oioOf(fleet, 'session', 'files', session.id, '--save', folder);
  expect(readFileSync(join(folder, 'notes.txt'), 'utf8')).toBe('Grüße\n');
  expect(existsSync(join(folder, 'reports/tests.xml'))).toBe(true);
  const again = await oioOf(fleet, 'session', 'files', session.id, '--save', folder);
  expect(again.output).toContain('exists already');
  await fleet.client.agents.deregister(id);
});
