import * as z from 'zod';
import { schema } from './schema.ts';

/** The lease under which an agent makes a request: `<task_id>/<epoch>`. */
export const LeaseText = schema(() =>
  z
    .string()
    .regex(
      /^[0-9a-f-]{36}\/[1-9]\d{0,8}$/,
      'must be the id of a task, a slash and an epoch, such as 0198c2f0-1a2b-8c3d-9e4f-5a6b00000001/1',
    ),
);
