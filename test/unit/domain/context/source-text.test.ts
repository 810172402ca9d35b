import { expect, it } from 'vitest';
import { sourceText } from '../../../../src/domain/context/source-text.ts';

const [HERE, ELSEWHERE] = ['0198c2f0-1a2b-8c3d-9e4f-5a6b00000000', '0198c2f0-1a2b-8c3d-9e4f-5a6b00000100'];
const ofSession = (session_id: string, name: string) =>
  ({ scope: 'session', session_id, agent_id: null, name }) as const;

it.each([
  [ofSession(HERE, 'main'), 'this session'],
  [ofSession(HERE, 'task-12'), 'task 12'],
  [ofSession(HERE, 'notes'), 'the context notes'],
  [ofSession(ELSEWHERE, 'main'), `session.${ELSEWHERE}`],
  [ofSession(ELSEWHERE, 'task-1'), `session.${ELSEWHERE}.task-1`],
  [{ scope: 'agent', session_id: null, agent_id: 'A', name: 'main' } as const, 'agent.A'],
  [{ scope: 'global', session_id: null, agent_id: null, name: 'rules' } as const, 'global.rules'],
])('%o comes from %s', (context, text) => {
  expect(sourceText(context, HERE)).toBe(text);
});
