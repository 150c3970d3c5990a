import { beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { conditionOf, listAt, textAt, type Manifest } from '../../functions/kernel/manifest.ts';
import { GROUP } from '../../functions/kernel/names.ts';
import { packages } from '../../functions/packaging/manifests.ts';
import {
  apiVersionsOf,
  crdNameOf,
  PACKAGES,
  type ProviderPackage,
} from '../../functions/providers/packages.ts';
import type { Simulation } from '../../functions/simulator/simulate.ts';
import { filesIn, objectsIn } from './files.ts';
import { appliedIn, MINIMAL, recordsAtHetzner, recordsOf, simulated, type Claims } from './small.ts';

/** What Kubernetes and Crossplane serve without any package. */
const CORE = /^(v1|batch\/v1|rbac\.authorization\.k8s\.io\/v1|protection\.crossplane\.io\/v1beta1)$/;

const Rule = z.object({
  apiGroups: z.array(z.string()),
  resources: z.array(z.string()),
  verbs: z.array(z.string()),
});
type Rule = z.infer<typeof Rule>;

/** What Crossplane may do by itself. Source: crossplane v2.4.0 cluster/charts/crossplane/templates/clusterrole.yaml, read 2026-11-21. */
const CROSSPLANE: readonly Rule[] = [
  {
    apiGroups: [''],
    resources: ['secrets', 'configmaps'],
    verbs: ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'],
  },
  {
    apiGroups: ['coordination.k8s.io'],
    resources: ['leases'],
    verbs: ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'],
  },
  { apiGroups: [''], resources: ['serviceaccounts'], verbs: ['*'] },
  { apiGroups: ['protection.crossplane.io'], resources: ['*'], verbs: ['*'] },
];

/** What Crossplane does with every kind that it composes. */
const VERBS = ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'];

const OURS = objectsIn('package/install.yaml')
  .filter(({ metadata }) => metadata.labels?.['rbac.crossplane.io/aggregate-to-crossplane'] === 'true')
  .flatMap((role) => z.array(Rule).parse(role['rules']));

function groupOf(apiVersion: string): string {
  return apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '';
}

function grants(
  { apiGroups, resources, verbs }: Rule,
  group: string,
  resource: string,
  verb: string,
): boolean {
  const has = (list: readonly string[], one: string): boolean => list.includes(one) || list.includes('*');
  return has(apiGroups, group) && has(resources, resource) && has(verbs, verb);
}

/** A simulation takes a second or two of a machine that has nothing else to do. */
const TIMEOUT = 120_000;

/** Every example as it is rendered, and what no example shows: the delegation of a zone at Azure. */
let applied: Manifest[];

beforeAll(async () => {
  const rendered = filesIn('test/examples/golden').flatMap((file) =>
    objectsIn(`test/examples/golden/${file}`),
  );
  applied = [...rendered, ...appliedIn(await simulated(recordsAtHetzner('azure.yaml')))];
}, TIMEOUT);

describe('with every package installed', () => {
  it('everything emitted is served by Kubernetes, by Crossplane, by us, or by exactly one package', () => {
    const foreign = [...new Set(applied.map(({ apiVersion }) => apiVersion))]
      .filter((apiVersion) => !CORE.test(apiVersion) && groupOf(apiVersion) !== GROUP)
      .sort();
    const served = foreign.map((apiVersion) => ({
      apiVersion,
      by: PACKAGES.filter((one) => apiVersionsOf(one).includes(apiVersion)).length,
    }));
    expect(served).toEqual(foreign.map((apiVersion) => ({ apiVersion, by: 1 })));
    expect(foreign.length).toBeGreaterThan(9);
  });

  it('what is activated is what is emitted: no kind less, none that nobody uses', () => {
    const managed: readonly ProviderPackage[] = PACKAGES;
    const emitted = managed.flatMap((one) =>
      one.managed
        .filter(({ apiVersion, kind }) =>
          applied.some((object) => object.apiVersion === apiVersion && object.kind === kind),
        )
        .map(crdNameOf),
    );
    const activated = packages().flatMap(({ activation }) => listAt(activation, 'spec', 'activate'));
    expect(emitted.sort()).toEqual(activated.sort());
  });
});

describe('the rights in install.yaml', () => {
  /** Resources of Kubernetes itself that are composed, by kind; plurals are not in the objects. */
  const PLURALS: Readonly<Record<string, string>> = {
    ConfigMap: 'configmaps',
    CronJob: 'cronjobs',
    Job: 'jobs',
    Role: 'roles',
    RoleBinding: 'rolebindings',
    Secret: 'secrets',
    ServiceAccount: 'serviceaccounts',
  };

  function composed(): { group: string; resource: string }[] {
    const builtIn = applied.filter(
      ({ apiVersion }) => CORE.test(apiVersion) && groupOf(apiVersion) !== 'protection.crossplane.io',
    );
    const kinds = new Map(builtIn.map(({ apiVersion, kind }) => [kind, groupOf(apiVersion)]));
    return [...kinds].map(([kind, group]) => ({ group, resource: PLURALS[kind] ?? `plural of ${kind}?` }));
  }

  it('let Crossplane do all that it does with what it composes', () => {
    const lacking = composed().flatMap(({ group, resource }) =>
      VERBS.filter(
        (verb) => ![...CROSSPLANE, ...OURS].some((rule) => grants(rule, group, resource, verb)),
      ).map((verb) => `${verb} ${resource}.${group}`),
    );
    expect(lacking).toEqual([]);
  });

  it('hold nothing that Crossplane has already, and nothing that is not composed', () => {
    for (const { apiGroups, resources, verbs } of OURS) {
      expect(verbs).toEqual(VERBS);
      for (const group of apiGroups)
        for (const resource of resources) {
          expect(CROSSPLANE.some((rule) => grants(rule, group, resource, 'create'))).toBe(false);
          expect(composed()).toContainEqual({ group, resource });
        }
    }
  });

  it('cover what the composed Roles grant, because Kubernetes lets nobody grant what they do not hold', () => {
    const granted = applied
      .filter(({ kind }) => kind === 'Role')
      .flatMap((role) => z.array(Rule).parse(role['rules']));
    const lacking = granted.flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) =>
        resources.flatMap((resource) =>
          verbs.filter(
            (verb) => ![...CROSSPLANE, ...OURS].some((rule) => grants(rule, group, resource, verb)),
          ),
        ),
      ),
    );
    expect(granted.length).toBeGreaterThan(0);
    expect(lacking).toEqual([]);
  });
});

/** A claim that needs it, for each package. */
const ABSENT = new Map<string, Claims>([
  ['provider-hetzner', MINIMAL],
  ['provider-helm', MINIMAL],
  ['provider-kubernetes', MINIMAL],
  ['provider-aws-route53', recordsOf('route53.yaml')],
  ['provider-azure-network', recordsOf('azure.yaml')],
  ['provider-cloudflare-dns', recordsOf('existing-machines.yaml')],
  ['provider-gcp-dns', recordsOf('clouddns.yaml')],
] satisfies [(typeof PACKAGES)[number]['name'], Claims][]);

describe('with a package not installed', () => {
  it('every package has its turn', () => {
    expect([...ABSENT.keys()].sort()).toEqual(PACKAGES.map(({ name }) => name).sort());
  });

  it.each([...ABSENT])(
    '%s: nothing of its kinds is emitted, a condition names them, and the rest goes on',
    async (name, claims) => {
      const absent = PACKAGES.filter((one) => one.name === name);
      const gone = new Set(absent.flatMap(apiVersionsOf));

      const without = await simulated(claims, { isServed: (apiVersion) => !gone.has(apiVersion) });

      expect(appliedIn(without).filter(({ apiVersion }) => gone.has(apiVersion))).toEqual([]);
      expect([...without.events.values()].flat().filter(({ type }) => type === 'Warning')).toEqual([]);
      const complaints = [...without.world.objects.values()].flatMap((object) => {
        const condition = conditionOf(object, 'PackagesInstalled');
        return condition?.['status'] === 'False' ? [textAt(condition, 'message') ?? ''] : [];
      });
      expect(complaints).not.toEqual([]);
      for (const complaint of complaints) {
        expect(complaint).toContain('docs/install.md');
        expect([...gone].some((apiVersion) => complaint.includes(`${apiVersion}/`))).toBe(true);
      }
      if (absent.some(({ use }) => use !== 'base')) {
        const region = [...without.world.objects.values()].find(({ kind }) => kind === 'XOpenOvaRegion');
        expect(conditionOf(region ?? {}, 'Ready')?.['status']).toBe('True');
      }
    },
    TIMEOUT,
  );

  it.each(['provider-aws-route53', 'provider-hetzner'])(
    '%s, which is then installed: all is as if it had been there',
    async (name) => {
      const gone = new Set<string>(PACKAGES.filter((one) => one.name === name).flatMap(apiVersionsOf));
      const claims = ABSENT.get(name) ?? [];
      const without = await simulated(claims, { isServed: (apiVersion) => !gone.has(apiVersion) });

      const installed = await simulated(claims, { from: without.world });

      expect([...installed.unready]).toEqual([]);
      expect(keysOf(installed)).toEqual(keysOf(await simulated(claims)));
    },
    TIMEOUT,
  );
});

/** Composite and key of everything that is applied at the end. */
function keysOf({ applied: last }: Simulation): string[] {
  return [...last]
    .flatMap(([composite, objects]) => [...objects.keys()].map((key) => `${composite} ${key}`))
    .sort();
}
