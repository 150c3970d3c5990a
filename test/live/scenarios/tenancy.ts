/** What a tenant cannot do with claims, where another tenant has a cluster. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { conditionOf, textAt, type JsonObject, type Manifest } from '../../../functions/kernel/manifest.ts';
import { CLAIM_NAME_LABEL } from '../../../functions/kernel/names.ts';
import { referenceOf, type Kube } from '../kube.ts';
import { eventually } from '../processes.ts';
import {
  apply,
  atCloud,
  remove,
  smallCluster,
  tell,
  tenant as makeTenant,
  until,
  type Scenario,
} from '../scenario.ts';

const API_VERSION = 'platform.openova.io/v1alpha1';
const NAMESPACE = 'evil-tenant';
const CROSSPLANE = 'system:serviceaccount:crossplane-system:crossplane';
const ACCOUNTS = 'platform.openova.io/provider-configs';

const cluster = smallCluster('acme-brief', 'brief');

function regionClaim(name: string, more: JsonObject = {}): Manifest {
  return {
    apiVersion: API_VERSION,
    kind: 'OpenOvaRegion',
    metadata: { name, namespace: NAMESPACE },
    spec: {
      name: 'fsn',
      location: 'fsn1',
      domain: 'evil.example.com',
      cloud: { provider: 'hetzner', tokenSecretRef: { name: 'token' } },
      access: { managementCidrs: ['192.0.2.10/32'] },
      ...more,
    },
  };
}

const referenceTo = (name: string) => ({
  apiVersion: API_VERSION,
  kind: 'OpenOvaRegion',
  namespace: NAMESPACE,
  name,
});
const boundTo = (name: string): JsonObject => ({
  resourceRef: { apiVersion: API_VERSION, kind: 'XOpenOvaRegion', name },
});
const syncedMessage = (claim: Manifest) => textAt(conditionOf(claim, 'Synced'), 'message') ?? '';

/** Two claims of regions that a tenant may have, and what it may not, while another tenant's cluster is being built. */
export const tenancy: Scenario = (given) => {
  let tenant: Kube;
  let crossplane: Kube;
  beforeAll(async () => {
    const { kube } = given();
    tenant = kube.as('evil');
    crossplane = kube.as(CROSSPLANE);
    await kube.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } });
    await kube.apply({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: 'tenant', namespace: NAMESPACE },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'openova:tenant' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'evil' }],
    });
  });
  afterAll(() => {
    tenant.close();
    crossplane.close();
  });

  let region = '';

  it('sees how another tenant gets a cluster', async () => {
    const live = given();
    await makeTenant(live, 'acme-brief');
    await apply(live, cluster);
    const found = await eventually('the region of the cluster', 200, async () => {
      await live.check();
      return (await live.kube.list(API_VERSION, 'XOpenOvaRegion', { [CLAIM_NAME_LABEL]: 'brief' }))[0];
    });
    region = found.metadata.name ?? '';

    expect(textAt(found, 'spec', 'claimRef', 'kind')).toBe('OpenOvaCluster');
  });

  it.each(['a-name-of-my-choice', 'the region'])('cannot bind a new claim to %s', async (name) => {
    const wanted = boundTo(name === 'the region' ? region : name);
    await expect(tenant.create(regionClaim('bound', wanted))).rejects.toThrow(
      "spec.resourceRef is Crossplane's to set, must be left out of a new claim",
    );
  });

  it('could not take over the region of a cluster even so: Crossplane asks whose it is', async () => {
    await crossplane.create(regionClaim('bound', boundTo(region)));
    const refused = await until(
      given(),
      referenceTo('bound'),
      'a refusal',
      200,
      (claim) => syncedMessage(claim) !== '',
    );

    expect(syncedMessage(refused)).toContain(
      `"${region}" that is not bound to this claim: bound to claim "brief"`,
    );
    await given().kube.delete(referenceTo('bound'));
  });

  it('gets a composite from Crossplane, and cannot change or drop which', async () => {
    const dns = { provider: 'hetzner', zone: 'example.com' };
    await tenant.create(regionClaim('own', { dns }));
    await until(
      given(),
      referenceTo('own'),
      'a composite',
      200,
      (claim) => textAt(claim, 'spec', 'resourceRef', 'name') !== undefined,
    );

    await expect(tenant.patch(referenceTo('own'), { spec: boundTo(region) })).rejects.toThrow('resourceRef');
    await expect(tenant.patch(referenceTo('own'), { spec: { resourceRef: null } })).rejects.toThrow(
      'resourceRef',
    );
    await tenant.patch(referenceTo('own'), { spec: { role: 'standby' } });
  });

  it('can do without DNS again, and so without an account for it', async () => {
    const { spec } = await tenant.patch(referenceTo('own'), { spec: { dns: null } });

    expect(spec).not.toHaveProperty('dns');
  });

  it.each([
    ['cluster', { cluster: { name: 'brief' } }],
    ['network.networkRef', { network: { networkRef: { name: 'brief-network-eu-central' } } }],
    ['peers', { peers: [{ name: 'hel', podCidr: '10.60.0.0/16', serviceCidr: '10.61.0.0/16' }] }],
  ])('cannot say what only a cluster says of its regions: %s', async (field, spec) => {
    await expect(tenant.create(regionClaim('nested', spec))).rejects.toThrow(
      `spec.${field}: Invalid value: must be left out of a claim`,
    );
  });

  it.each([
    [
      'the cloud',
      { cloud: { provider: 'hetzner', tokenSecretRef: { name: 't' }, providerConfigRef: { name: 'acme' } } },
    ],
    ['DNS', { dns: { provider: 'hetzner', zone: 'example.com', providerConfigRef: { name: 'acme' } } }],
  ])("cannot use an account at %s that is not its namespace's", async (_, spec) => {
    await expect(tenant.create(regionClaim('account', spec))).rejects.toThrow(
      `"acme", must be one of default: the annotation ${ACCOUNTS} of namespace "${NAMESPACE}" says which`,
    );
  });

  it('uses those that its namespace lists, and them alone', async () => {
    const cloud = { provider: 'hetzner', tokenSecretRef: { name: 't' }, providerConfigRef: { name: 'evil' } };
    const namespace = { apiVersion: 'v1', kind: 'Namespace', name: NAMESPACE };
    await given().kube.patch(namespace, { metadata: { annotations: { [ACCOUNTS]: 'evil, evil-dns' } } });
    await eventually('the annotation to count', 30, async () =>
      tenant.create(regionClaim('account', { cloud })),
    );
    await expect(tenant.create(regionClaim('second'))).rejects.toThrow('must be one of evil, evil-dns');
    // What it had before goes on.
    await tenant.patch(referenceTo('own'), { spec: { role: 'primary' } });

    await given().kube.patch(namespace, { metadata: { annotations: { [ACCOUNTS]: null } } });
    await eventually('the annotation to count no more', 30, async () =>
      tenant.create(regionClaim('second', { cloud })).then(
        async () => {
          await given().kube.delete(referenceTo('second'));
          throw new Error('made');
        },
        (error: unknown) => String(error).includes('must be one of default') || undefined,
      ),
    );
    await tenant.patch(referenceTo('account'), { spec: { role: 'standby' } });
  });

  it('can delete its claims while they are being built', async () => {
    await Promise.all(['own', 'account'].map((name) => remove(given(), referenceTo(name))));

    expect(['own', 'account'].flatMap((name) => atCloud(given(), referenceTo(name)))).toEqual([]);
  });

  it.each([
    ['the composites', 'XOpenOvaRegion', undefined],
    ['Usages', 'Usage', NAMESPACE],
    ["the Jobs' Secrets", 'Secret', 'openova-system'],
  ])('has no rights to %s', async (_, kind, namespace) => {
    const apiVersions: Readonly<Record<string, string>> = {
      Secret: 'v1',
      Usage: 'protection.crossplane.io/v1beta1',
    };
    const reference = {
      apiVersion: apiVersions[kind] ?? API_VERSION,
      kind,
      name: 'any',
      ...(namespace !== undefined && { namespace }),
    };
    await expect(tenant.get(reference)).rejects.toThrow('forbidden');
  });

  it('has the rights to its claims by openova:tenant alone', async () => {
    await given().kube.delete({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      namespace: NAMESPACE,
      name: 'tenant',
    });
    await eventually('the rights to go', 30, async () =>
      tenant.get(referenceTo('own')).then(
        () => undefined,
        (error: unknown) => String(error).includes('forbidden') || undefined,
      ),
    );
  });

  it('finds the other cluster gone as a whole when that is deleted half built', async () => {
    const live = given();
    const claim = referenceOf(cluster);
    await until(live, claim, 'a machine', 400, () => atCloud(live, claim, ['servers']).length > 0);
    const started = Date.now();
    await remove(live, claim);
    tell(`half built: gone after ${Math.round((Date.now() - started) / 1000)} s`);

    expect(atCloud(live, claim)).toEqual([]);
  });
};
