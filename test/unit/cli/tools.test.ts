import { expect, test } from 'vitest';
import { readSetup } from '../../../cli/tools.ts';

test('the set-up is that of the repository, unless the person names another command or turns it off', () => {
  expect(readSetup({ 'no-setup': false })).toBe('repository');
  expect(readSetup({ setup: 'make deps', 'no-setup': false })).toEqual({ command: 'make deps' });
  expect(readSetup({ 'no-setup': true })).toBe('off');
  expect(() => readSetup({ setup: 'make deps', 'no-setup': true })).toThrow('either');
  expect(() => readSetup({ setup: ' ', 'no-setup': false })).toThrow('needs a command');
});
