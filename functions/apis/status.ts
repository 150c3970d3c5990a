/**
 * What a person reads of each kind. Crossplane prunes what a status does not declare, and adds `conditions` by itself.
 * Nothing here is bounded: a status that does not fit would be lost as a whole.
 */
import * as z from 'zod';
import { group } from './describe.ts';

const text = (description: string) => group(z.string().optional(), description);
const whole = (description: string) => group(z.int().optional(), description);

const step = () =>
  group(
    z
      .strictObject({
        number: whole('Which step'),
        of: whole('How many steps there are'),
        name: text('Name of the step: the type of its condition'),
      })
      .optional(),
    'The first step that is not done; the last one when all are',
  );

const waitingFor = () =>
  group(
    z
      .array(
        z.strictObject({
          object: text('Kind and name of the object waited for'),
          step: text('What it is doing'),
          since: text("Since when, by the object's own time"),
          message: text('What it says'),
          hint: text('What a person can do about it'),
        }),
      )
      .optional(),
    'What is not ready yet, the most telling first',
  );

const components = () =>
  group(
    z
      .strictObject({ ready: whole('Components that are ready'), total: whole('Components that are on') })
      .optional(),
    'Components of the platform',
  );

const estimate = (description: string) =>
  group(
    z
      .strictObject({
        memoryMiB: group(
          z
            .strictObject({
              needed: whole('Memory that it needs'),
              available: whole('Memory of all machines, where there are any of its own'),
            })
            .optional(),
          'Memory in MiB',
        ),
        volumesGB: whole('Size of all volumes in GB'),
        monthlyEUR: text('Cost per month in EUR net of VAT, or unknown'),
        unpriced: group(z.array(z.string()).optional(), 'What has no price, where the cost is unknown'),
        pricedAt: text('Date of the prices'),
      })
      .optional(),
    description,
  );

const MACHINES =
  'Estimate of machines with their addresses, load balancers, Kubernetes and the chosen components; data services say their own';

const common = () => ({
  phase: text('One word for all of it; the truth is in the conditions'),
  step: step(),
  waitingFor: waitingFor(),
});

const secretRef = (description: string) =>
  group(z.strictObject({ name: text('Name of the Secret') }).optional(), description);

const addresses = (description: string) => group(z.array(z.string()).optional(), description);

export const ClusterStatusSchema = z.strictObject({
  ...common(),
  release: text('Release of the platform that the regions run'),
  regions: group(
    z
      .array(
        z.strictObject({
          name: text('Name of the region'),
          role: text('primary or standby'),
          phase: text('One word for the region'),
          release: text('Release of the platform that it runs'),
          apiEndpoint: text('Address of its Kubernetes API'),
          apiAddresses: addresses('Public addresses of its servers'),
          gatewayAddresses: addresses('Public addresses of its Gateway'),
          machines: whole('Machines that are ready'),
          components: components(),
          network: group(
            z
              .strictObject({
                subnetCidr: text('Range of its machines'),
                podCidr: text('Range of its pods'),
                serviceCidr: text('Range of its services'),
                clusterId: whole("Cilium's number of the region"),
              })
              .optional(),
            'Ranges that the region was given, for good',
          ),
        }),
      )
      .optional(),
    'The regions',
  ),
  kubeconfigSecretRefs: group(
    z
      .array(z.strictObject({ region: text('Name of the region'), name: text('Name of the Secret') }))
      .optional(),
    "Secrets in the claim's namespace with a kubeconfig for each region",
  ),
  estimate: estimate(MACHINES),
});

export const RegionStatusSchema = z.strictObject({
  ...common(),
  release: text('Release of the platform that the region runs'),
  apiEndpoint: text('Address of the Kubernetes API'),
  apiAddresses: addresses('Public addresses of the servers'),
  gatewayAddresses: addresses('Public addresses of the Gateway'),
  machines: group(
    z
      .array(
        z.strictObject({
          name: text('Name of the machine and its node'),
          pool: text('Pool of the machine; none for servers'),
          role: text('server or agent'),
          address: text('Public address'),
          privateAddress: text('Address in the private network'),
          serverType: text("The cloud's type of machine"),
          hostKey: text('How its SSH host key is known: PinnedOnFirstUse or Given'),
          ready: group(z.boolean().optional(), 'Whether its node is part of the cluster'),
        }),
      )
      .optional(),
    'The machines',
  ),
  components: components(),
  kubeconfigSecretRef: secretRef("Secret in the claim's namespace with a kubeconfig"),
  estimate: estimate(MACHINES),
  network: group(
    z
      .strictObject({
        podCidr: text('Range of the pods'),
        serviceCidr: text('Range of the services'),
        subnetCidr: text('Range of the machines'),
        clusterId: whole("Cilium's number of the region"),
      })
      .optional(),
    'Ranges of the region',
  ),
});

export const PlatformStatusSchema = z.strictObject({
  ...common(),
  release: text('Release of the platform that is installed'),
  components: group(
    z
      .strictObject({
        ready: whole('Components that are ready'),
        total: whole('Components that are on'),
        pending: group(z.array(z.string()).optional(), 'Components that are not ready, by id'),
      })
      .optional(),
    'Components of the platform',
  ),
  networkReady: group(z.boolean().optional(), 'Whether all that makes nodes Ready is installed'),
  operators: group(z.array(z.string()).optional(), 'Operators of data services that are ready, by id'),
  gatewayAddresses: addresses('Addresses at which the Gateway is reached, where the platform makes them'),
  memoryMiB: whole('Memory that the chosen components need'),
  teardown: text('State of the hook that removes cloud objects of workloads when the region goes'),
});

export const DataServiceStatusSchema = z.strictObject({
  ...common(),
  endpoints: group(
    z
      .strictObject({
        primary: text('Where to write: host and port'),
        readOnly: text('Where to read: host and port'),
      })
      .optional(),
    'Where the service answers, in its region',
  ),
  activeRegion: text('Region that takes writes'),
  version: text('Version that runs'),
  replication: group(
    z
      .strictObject({
        state: text('State of the replication to the standby region'),
        standby: text('Region that follows'),
      })
      .optional(),
    'Replication to the standby region',
  ),
  backup: group(
    z
      .strictObject({
        last: text('When the last backup was completed'),
        firstRecoverable: text('Earliest time that can be restored'),
        destination: text('Folder of the archival store that holds them; it survives the service'),
      })
      .optional(),
    'Backups',
  ),
  connectionSecretRef: secretRef("Secret in the claim's namespace that applications connect with"),
  estimate: estimate('Estimate of all instances with their volumes; they run on machines that their region counts'),
});
