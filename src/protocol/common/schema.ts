import type * as z from 'zod';

/**
 * A schema that its first call builds. A request uses few schemas, and building all of them would take most of the time
 * in which the Worker starts.
 */
export type Schema<Type extends z.ZodType = z.ZodType> = () => Type;

/** The values that a schema accepts, as they are after parsing. */
export type Infer<Declared extends Schema> = z.output<ReturnType<Declared>>;

/**
 * Declares a schema.
 *
 * @example
 * const Point = schema(() => z.object({ x: z.int(), y: z.int(), label: Label() }));
 * type Point = Infer<typeof Point>;
 * Point().parse({ x: 1, y: 2, label: 'here' });
 */
export function schema<Type extends z.ZodType>(build: () => Type): Schema<Type> {
  let built: Type | undefined;
  return () => {
    built ??= build();
    return built;
  };
}
