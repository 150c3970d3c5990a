/** DataService: a database or broker in one or two regions. */
import * as z from 'zod';
import { claimNameOf } from '../kernel/claim.ts';
import type { Parsed } from '../kernel/graph.ts';
import type { JsonObject, Manifest } from '../kernel/manifest.ts';
import { claimNameProblems } from './claim-name.ts';
import { dataServiceRules, dataServiceTransitions, ENGINES } from './data-service-rules.ts';
import { group, live, refused, rolling } from './describe.ts';
import * as fields from './fields.ts';
import { read, specOf, type Contract } from './parse.ts';

type Scalar = string | number | boolean;
const isScalar = (value: unknown): value is Scalar => ['string', 'number', 'boolean'].includes(typeof value);

const DataServiceSchema = z.strictObject({
  clusterRef: group(
    z.strictObject({ name: refused(fields.objectName(), 'Name of the OpenOvaCluster') }).optional(),
    "Cluster of the claim's namespace in which the service runs. Exactly one of clusterRef and regionRef",
  ),
  regionRef: group(
    z.strictObject({ name: refused(fields.objectName(), 'Name of the OpenOvaRegion') }).optional(),
    "Region of the claim's namespace in which the service runs. Exactly one of clusterRef and regionRef",
  ),
  engine: refused(z.enum(ENGINES), 'Which engine; postgres is available, the others are not yet'),
  version: rolling(
    z
      .string()
      .max(16)
      .regex(/^[0-9]{1,3}(\.[0-9]{1,3}){0,2}$/)
      .meta({ example: '18' })
      .default('18'),
    'Version of the engine, for postgres its major version. It never goes down',
  ),
  instances: live(
    z.int().min(1).max(9).default(3),
    'Instances in each region: 1 for tests, 3 to survive the loss of one',
  ),
  storage: group(
    z
      .strictObject({
        size: live(fields.quantity().default('10Gi'), 'Volume of each instance. It can grow, never shrink'),
        className: refused(fields.objectName().optional(), 'StorageClass of the volumes', {
          otherwise: "the region's default",
        }),
      })
      .prefault({}),
    'Volumes of the instances',
  ),
  resources: group(
    z
      .strictObject({
        memory: rolling(fields.quantity().default('1Gi'), 'Memory of each instance, guaranteed and at most'),
        cpu: rolling(fields.quantity().default('500m'), 'CPU that each instance is guaranteed'),
      })
      .prefault({}),
    'Size of each instance',
  ),
  placement: group(
    z
      .strictObject({
        primary: refused(fields.regionName().optional(), 'Region in which the service begins', {
          otherwise: "the cluster's primary region",
        }),
        standby: live(fields.regionName().optional(), 'Region that follows the primary. Not available yet', {
          otherwise: 'one region only',
        }),
      })
      .prefault({}),
    'Regions of the cluster that the service runs in',
  ),
  activeRegion: live(
    fields.regionName().optional(),
    'Region that takes writes; change it to move the primary',
    {
      otherwise: 'placement.primary',
    },
  ),
  failover: live(
    z.enum(['forced', 'planned']).default('planned'),
    'How the primary moves: planned hands over without loss, forced when the active region is gone. Only planned is available yet',
  ),
  database: refused(
    z
      .string()
      .min(1)
      .max(63)
      .regex(/^[a-z_][a-z0-9_]*$/)
      .meta({ example: 'orders' })
      .default('app'),
    'Name of the database made at first; the user that owns it has the same name',
  ),
  backup: group(
    z
      .strictObject({
        enabled: live(
          z.boolean().default(true),
          "Whether backups are made, in the region's archival store where it has one",
        ),
        retention: live(
          z
            .string()
            .max(5)
            .regex(/^[1-9][0-9]{0,3}[dwm]$/)
            .meta({ example: '7d' })
            .default('7d'),
          'How far back a restore can go: days, weeks or months',
        ),
        schedule: live(
          fields.cronWithSeconds().default('0 0 2 * * *'),
          'When a base backup is made: six fields, seconds first, UTC',
        ),
      })
      .prefault({}),
    'Backups to the archival store',
  ),
  restoreFrom: group(
    z
      .strictObject({
        service: refused(fields.objectName(), 'Name of the DataService whose backups are restored'),
        targetTime: refused(
          z
            .string()
            .max(35)
            .regex(/^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(Z|[+-][0-9]{2}:[0-9]{2})$/)
            .meta({ example: '2026-11-20T03:00:00Z' })
            .optional(),
          'Time to restore to',
          { otherwise: 'the latest that was saved' },
        ),
      })
      .optional(),
    'Backup to begin with. Not available yet',
  ),
  parameters: rolling(
    z
      .record(
        z.string().min(1).max(128),
        z.custom<Scalar>(isScalar, 'must be a text, a number, true or false'),
      )
      .refine((map) => Object.keys(map).length <= 100, 'must have at most 100 entries')
      .meta({ maxProperties: 100, 'x-kubernetes-preserve-unknown-fields': true })
      .default({}),
    "The engine's own settings, by name",
  ),
  connectionSecret: group(
    z
      .strictObject({
        name: live(fields.objectName().optional(), 'Name of the Secret', {
          otherwise: "the claim's name with -conn",
        }),
      })
      .prefault({}),
    "Secret in the claim's namespace that applications connect with",
  ),
});

export type DataServiceGiven = z.output<typeof DataServiceSchema>;

export type DataServiceSpec = Omit<DataServiceGiven, 'connectionSecret'> & {
  readonly connectionSecret: { readonly name: string };
};

export const dataServiceContract: Contract<DataServiceGiven> = {
  schema: DataServiceSchema,
  rules: dataServiceRules,
  transitions: dataServiceTransitions,
  cel: [...dataServiceRules, ...dataServiceTransitions],
  least: { engine: 'postgres' },
};

/** What can be read of a service's spec in spite of its mistakes: only to look for more of them. */
export function soundService(raw: JsonObject): DataServiceGiven | undefined {
  return read(dataServiceContract, raw).sound;
}

/** The input of an XDataService or its claim. */
export function parseDataService(xr: Manifest): Parsed<DataServiceSpec> {
  const wrong = claimNameProblems(xr);
  const { given, problems } = read(dataServiceContract, specOf(xr));
  if (given === undefined || wrong.length > 0) return { ok: false, problems: [...wrong, ...problems] };
  return {
    ok: true,
    spec: { ...given, connectionSecret: { name: given.connectionSecret.name ?? `${claimNameOf(xr)}-conn` } },
  };
}
