import type { Dns } from '../apis/fields.ts';
import { azure } from './azure.ts';
import { clouddns } from './clouddns.ts';
import { cloudflare } from './cloudflare.ts';
import { hetzner } from './hetzner.ts';
import type { DnsProvider } from './provider.ts';
import { route53 } from './route53.ts';

/** Every DNS provider there is, by its name in the claim. */
export const dnsProviders: Readonly<Record<Dns['provider'], DnsProvider>> = {
  azure,
  clouddns,
  cloudflare,
  hetzner,
  route53,
};
