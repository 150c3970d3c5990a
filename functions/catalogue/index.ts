/** Every component there is, by file name. Generated: npm run generate. */
import type { Component } from './component.ts';
import { certManagerWebhookHetzner } from './cert-manager-webhook-hetzner.ts';
import { certManager } from './cert-manager.ts';
import { ciliumL2 } from './cilium-l2.ts';
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
import { k8gb } from './k8gb.ts';
import { metadataGuard } from './metadata-guard.ts';
import { openovaSystem } from './openova-system.ts';

export const catalogue: readonly Component[] = [
  certManagerWebhookHetzner,
  certManager,
  ciliumL2,
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
  k8gb,
  metadataGuard,
  openovaSystem,
];
