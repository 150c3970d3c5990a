/** Every component there is, by file name. Generated: npm run generate. */
import type { Component } from './component.ts';
import { certManagerWebhookHetzner } from './cert-manager-webhook-hetzner.ts';
import { certManager } from './cert-manager.ts';
import { cilium } from './cilium.ts';
import { clusterIssuer } from './cluster-issuer.ts';
import { cnpgBarmanPlugin } from './cnpg-barman-plugin.ts';
import { cnpg } from './cnpg.ts';
import { externalDns } from './external-dns.ts';
import { externalSecrets } from './external-secrets.ts';
import { flux } from './flux.ts';
import { gatewayApiCrds } from './gateway-api-crds.ts';
import { gateway } from './gateway.ts';
import { hcloudCcm } from './hcloud-ccm.ts';
import { hcloudCsi } from './hcloud-csi.ts';
import { metadataGuard } from './metadata-guard.ts';
import { openovaSystem } from './openova-system.ts';

export const catalogue: readonly Component[] = [
  certManagerWebhookHetzner,
  certManager,
  cilium,
  clusterIssuer,
  cnpgBarmanPlugin,
  cnpg,
  externalDns,
  externalSecrets,
  flux,
  gatewayApiCrds,
  gateway,
  hcloudCcm,
  hcloudCsi,
  metadataGuard,
  openovaSystem,
];
