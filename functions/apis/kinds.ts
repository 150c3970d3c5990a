/** The kinds that this project serves, each with what its XRD is made of. */
import type * as z from 'zod';
import { clusterContract } from './cluster.ts';
import { dataServiceContract } from './data-service.ts';
import { platformContract } from './platform.ts';
import { regionClaimRules } from './region-claim.ts';
import { regionContract } from './region.ts';
import type { CelRule } from './rules.ts';
import {
  ClusterStatusSchema,
  DataServiceStatusSchema,
  PlatformStatusSchema,
  RegionStatusSchema,
} from './status.ts';

export interface Names {
  readonly kind: string;
  readonly plural: string;
  readonly shortName: string;
}

export interface Kind extends Names {
  /** What users write; none for a kind that only our own functions compose. */
  readonly claim?: Names;
  readonly description: string;
  readonly schema: z.ZodType;
  readonly cel: readonly CelRule[];
  /** Rules that hold for claims alone: over `self`, the whole object. */
  readonly claimCel?: readonly CelRule[];
  readonly status: z.ZodType;
  /** Printer columns before Crossplane's own: heading and JSON path. */
  readonly columns: readonly (readonly [heading: string, path: string])[];
}

const STEP = ['STEP', '.status.step.name'] as const;
const WAITING = ['WAITING', '.status.waitingFor[0].object'] as const;
const RELEASE = ['RELEASE', '.status.release'] as const;

export const KINDS: readonly Kind[] = [
  {
    kind: 'XOpenOvaCluster',
    plural: 'xopenovaclusters',
    shortName: 'xovc',
    claim: { kind: 'OpenOvaCluster', plural: 'openovaclusters', shortName: 'ovc' },
    description: 'One or two regions of Kubernetes with the OpenOva platform, and what joins them',
    schema: clusterContract.schema,
    cel: clusterContract.cel,
    status: ClusterStatusSchema,
    columns: [STEP, WAITING, RELEASE],
  },
  {
    kind: 'XOpenOvaRegion',
    plural: 'xopenovaregions',
    shortName: 'xovr',
    claim: { kind: 'OpenOvaRegion', plural: 'openovaregions', shortName: 'ovr' },
    description: 'One Kubernetes cluster with its machines and the OpenOva platform; usable alone',
    schema: regionContract.schema,
    cel: regionContract.cel,
    claimCel: regionClaimRules,
    status: RegionStatusSchema,
    columns: [['REGION', '.spec.name'], STEP, WAITING, RELEASE],
  },
  {
    kind: 'XOpenOvaPlatform',
    plural: 'xopenovaplatforms',
    shortName: 'xovp',
    description:
      'The OpenOva platform in one region. A region composes it; there is nothing to write by hand',
    schema: platformContract.schema,
    cel: platformContract.cel,
    status: PlatformStatusSchema,
    columns: [['REGION', '.spec.region.name'], STEP, WAITING, RELEASE],
  },
  {
    kind: 'XDataService',
    plural: 'xdataservices',
    shortName: 'xovd',
    claim: { kind: 'DataService', plural: 'dataservices', shortName: 'ovd' },
    description: 'A database or broker on a cluster or region, with backups and a connection Secret',
    schema: dataServiceContract.schema,
    cel: dataServiceContract.cel,
    status: DataServiceStatusSchema,
    columns: [['ENGINE', '.spec.engine'], ['REGION', '.status.activeRegion'], STEP, WAITING],
  },
];
