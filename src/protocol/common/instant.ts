import * as z from 'zod';
import { schema } from './schema.ts';

export const Instant = schema(() =>
  z.iso
    .datetime({ precision: 3 })
    .meta({ id: 'Instant', description: 'A time in UTC with milliseconds.', example: '2026-11-22T15:04:05.678Z' }),
);
