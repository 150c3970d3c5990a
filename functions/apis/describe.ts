/** How the schemas say what a field is, and what happens to running things when it changes. */
import * as z from 'zod';

/**
 * What a change of a field does:
 * - live: takes effect in place, nothing restarts
 * - rolling: what uses it is restarted or replaced one after the other
 * - new machines only: machines that exist keep what they were made with
 * - refused: the API refuses the change
 */
export const CHANGES = ['live', 'rolling', 'new machines only', 'refused'] as const;
export type Change = (typeof CHANGES)[number];

/** What our schemas carry besides types; everything but Kubernetes' own keywords is for documents and messages. */
export interface Meta {
  readonly description: string;
  readonly change?: Change;
  /** A value that would do, quoted in messages about a pattern or a missing value. */
  readonly example?: string;
  /** What a text must be made of, in words, where an example would not tell. */
  readonly shape?: string;
  /** The default in words, where it depends on other fields and so cannot stand in the schema. */
  readonly otherwise?: string;
}

type Hints = Omit<Meta, 'description' | 'change'>;

function classed<T extends z.ZodType>(change: Change, schema: T, description: string, hints?: Hints): T {
  return schema.meta({ ...schema.meta(), ...hints, description, change });
}

/** A field whose change takes effect in place. */
export function live<T extends z.ZodType>(schema: T, description: string, hints?: Hints): T {
  return classed('live', schema, description, hints);
}

/** A field whose change restarts or replaces what uses it, one after the other. */
export function rolling<T extends z.ZodType>(schema: T, description: string, hints?: Hints): T {
  return classed('rolling', schema, description, hints);
}

/** A field that only machines made after the change follow. */
export function newMachines<T extends z.ZodType>(schema: T, description: string, hints?: Hints): T {
  return classed('new machines only', schema, description, hints);
}

/** A field that cannot change; the rule that refuses it is derived from this class. */
export function refused<T extends z.ZodType>(schema: T, description: string, hints?: Hints): T {
  return classed('refused', schema, description, hints);
}

/** An object of fields, or a field of a status, which nobody changes: it has words, but no class of its own. */
export function group<T extends z.ZodType>(schema: T, description: string, hints?: Hints): T {
  return schema.meta({ ...schema.meta(), ...hints, description });
}

/** What stands beside a schema, with our own keywords typed. */
function metaOf(schema: z.core.$ZodType): Readonly<Record<string, unknown>> {
  return z.globalRegistry.get(schema) ?? {};
}

/** A list of things with names: a map by name for the API server, and no name twice. */
export function named<T extends z.ZodType<{ name: string }>>(
  item: T,
  { max, min = 0 }: { max: number; min?: number },
) {
  return z
    .array(item)
    .min(min)
    .max(max)
    .check((context) => {
      const seen = new Set<string>();
      for (const [index, { name }] of context.value.entries()) {
        if (seen.has(name))
          context.issues.push({
            code: 'custom',
            input: name,
            path: [index, 'name'],
            message: `is "${name}" twice, must be unique`,
          });
        seen.add(name);
      }
    })
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] });
}

/**
 * The same schema with every default left out and every field of an object optional, for what overrides something
 * that is complete already. Lists stay whole: an override replaces them.
 */
export function overriding(schema: z.core.$ZodType): z.ZodType {
  const meta = metaOf(schema);
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional) {
    const inner = overriding(schema.def.innerType);
    return inner.meta({ ...inner.meta(), ...meta });
  }
  if (schema instanceof z.ZodObject) {
    const shape: Record<string, z.ZodType> = {};
    for (const [name, field] of Object.entries<z.core.$ZodType>(schema.shape)) {
      const inner = overriding(field);
      shape[name] = inner.optional().meta({ ...inner.meta() });
    }
    return z.strictObject(shape).meta({ ...meta });
  }
  if (schema instanceof z.ZodType) return schema;
  throw new Error('cannot override a schema that is not a classic zod schema');
}
