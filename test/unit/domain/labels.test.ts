import { expect, it } from 'vitest';
import { meetsLabel } from '../../../src/domain/dispatch/labels.ts';

const LABELS = ['gpu=a100', 'memory_gb=64', 'os=linux', 'note=a=b'];

it.each([
  ['gpu=a100', true],
  ['gpu=h100', false],
  ['tpu=a100', false],
  ['gpu!=h100', true],
  ['gpu!=a100', false],
  ['tpu!=v4', true],
  ['memory_gb>63', true],
  ['memory_gb>64', false],
  ['memory_gb>=64', true],
  ['memory_gb>=64.5', false],
  ['memory_gb<65', true],
  ['memory_gb<64', false],
  ['memory_gb<=64', true],
  ['memory_gb<=63', false],
  ['memory>1', false],
  ['gpu>1', false],
  ['os<z', false],
  ['note=a=b', true],
  ['note!=a', true],
  ['memory_gb=64.0', false],
])('an agent with the labels of this test meets %s: %s', (required, expected) => {
  expect(meetsLabel(LABELS, required)).toBe(expected);
});
