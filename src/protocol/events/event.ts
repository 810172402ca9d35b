import * as z from 'zod';

interface EventType<Type extends string, Data extends z.ZodType> {
  type: Type;
  /** What has happened, in a sentence for readers of the log. */
  description: string;
  data: Data;
  /** A valid value of `data`. */
  example: z.input<Data>;
}

/** The schema of one type of event. The reference and OpenAPI show its description and its example. */
export function event<const Type extends string, Data extends z.ZodType>(of: EventType<Type, Data>) {
  const { type, description, data, example } = of;
  return z.object({ type: z.literal(type), data }).meta({ description, example: { type, data: example } });
}
