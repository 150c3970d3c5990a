/**
 * Strings of providers that run Terraform as a program (provider-hetzner, Cloudflare's): they write specs into
 * main.tf.json as they are, where `${` begins a reference and `%{` a directive. Tried with Terraform 1.5.7 and
 * provider-hetzner v0.2.1: `$${x}` arrives at the cloud as `${x}`.
 */
import { isObject, type Json } from '../kernel/manifest.ts';

/**
 * A string of which Terraform makes exactly the given one.
 * Only for kinds of packages with `templates`; others would deliver the doubled signs.
 */
export function escapeTemplate(text: string): string {
  return text.replace(/\$\{/g, '$$${').replace(/%\{/g, '%%{');
}

/** The same for every string in a value; names of fields stay as they are. */
export function escapeTemplates<T extends Json>(value: T): T;
export function escapeTemplates(value: Json): Json {
  if (typeof value === 'string') return escapeTemplate(value);
  if (Array.isArray(value)) return value.map((item) => escapeTemplates(item));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [
      name,
      item === undefined ? undefined : escapeTemplates(item),
    ]),
  );
}
