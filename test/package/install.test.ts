import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { KINDS } from '../../functions/apis/kinds.ts';
import { hasField } from '../../functions/apis/structural.ts';
import { listAt, textAt, type Manifest } from '../../functions/kernel/manifest.ts';
import { SYSTEM_NAMESPACE } from '../../functions/kernel/names.ts';
import { FUNCTION_PACKAGE } from '../../functions/packaging/manifests.ts';
import { PACKAGES } from '../../functions/providers/packages.ts';
import { addServeCommand } from '../../functions/server/serve.ts';
import { checkManifest } from '../fields/check.ts';
import { hasSecret, objectsIn, read } from './files.ts';

const INSTALL = objectsIn('package/install.yaml');
const CREDENTIALS = objectsIn('package/credentials.example.yaml');
const DNS = objectsIn('package/credentials-dns.example.yaml');

function ofKind(kind: string, objects: readonly Manifest[] = INSTALL): Manifest[] {
  return objects.filter((object) => object.kind === kind);
}

const Probe = z.looseObject({ grpc: z.object({ port: z.int() }) });
const Container = z.looseObject({
  name: z.literal('package-runtime'),
  args: z.array(z.string()).optional(),
  ports: z.array(z.object({ name: z.string(), containerPort: z.int() })).optional(),
  readinessProbe: Probe.optional(),
  livenessProbe: Probe.optional(),
});

const Runtime = z.object({
  metadata: z.object({ name: z.string() }),
  spec: z.object({
    deploymentTemplate: z.object({
      spec: z.object({
        replicas: z.int().optional(),
        selector: z.object({}),
        template: z.object({
          spec: z.object({
            automountServiceAccountToken: z.boolean().optional(),
            containers: z.tuple([Container]),
            topologySpreadConstraints: z
              .array(
                z.looseObject({ labelSelector: z.object({ matchLabels: z.record(z.string(), z.string()) }) }),
              )
              .optional(),
          }),
        }),
      }),
    }),
  }),
});

/** What runs a package: the runtime configuration that its image's name leads to. */
function runtimeOf(image: string): z.infer<typeof Runtime>['spec']['deploymentTemplate']['spec'] {
  const config = ofKind('ImageConfig').find((one) =>
    listAt(one, 'spec', 'matchImages').some((match) => image.startsWith(textAt(match, 'prefix') ?? '?')),
  );
  const name = textAt(config, 'spec', 'runtime', 'configRef', 'name');
  const runtime = ofKind('DeploymentRuntimeConfig').find((one) => one.metadata.name === name);
  return Runtime.parse(runtime).spec.deploymentTemplate.spec;
}

describe('install.yaml', () => {
  it('makes the namespace that everything of a region lives in, closed to privileged pods', () => {
    const [namespace] = ofKind('Namespace');
    expect(namespace?.metadata.name).toBe(SYSTEM_NAMESPACE);
    expect(namespace?.metadata.labels).toMatchObject({ 'pod-security.kubernetes.io/enforce': 'restricted' });
  });

  it('binds every runtime configuration to a package, whoever installs that', () => {
    const bound = ofKind('ImageConfig').map((one) => textAt(one, 'spec', 'runtime', 'configRef', 'name'));
    const made = ofKind('DeploymentRuntimeConfig').map((one) => one.metadata.name);
    expect(bound.sort()).toEqual(made.sort());
  });

  it('runs the function twice, on different nodes, with limits and without rights', () => {
    const { replicas, template } = runtimeOf(FUNCTION_PACKAGE);
    const { automountServiceAccountToken, containers, topologySpreadConstraints } = template.spec;

    expect(replicas).toBe(2);
    expect(automountServiceAccountToken).toBe(false);
    expect(containers[0]).toMatchObject({
      resources: {
        requests: { cpu: expect.any(String), memory: expect.any(String) },
        limits: { memory: '1Gi' },
      },
      securityContext: {
        allowPrivilegeEscalation: false,
        capabilities: { drop: ['ALL'] },
        readOnlyRootFilesystem: true,
        runAsNonRoot: true,
        runAsUser: 65532,
      },
    });
    expect(topologySpreadConstraints?.map(({ labelSelector }) => labelSelector.matchLabels)).toEqual([
      { 'pkg.crossplane.io/function': FUNCTION_PACKAGE.split('/').slice(1).join('-') },
    ]);
  });

  it('asks for health where the server answers it', () => {
    const program = new Command();
    addServeCommand(program, () => {
      throw new Error('not called');
    });
    const help = program.commands[0]?.helpInformation().replaceAll(/\s+/g, ' ') ?? '';
    const port = Number(/gRPC health[^(]*\(default: "0\.0\.0\.0:(\d+)"/.exec(help)?.[1]);

    const [container] = runtimeOf(FUNCTION_PACKAGE).template.spec.containers;

    expect(port).toBeGreaterThan(0);
    expect(container.readinessProbe?.grpc.port).toBe(port);
    expect(container.livenessProbe?.grpc.port).toBe(port);
    expect(container.ports).toEqual([{ name: 'health', containerPort: port }]);
  });

  it('keeps values of Secrets out of what provider-kubernetes reports', () => {
    const [kubernetes] = PACKAGES.filter(({ name }) => name === 'provider-kubernetes');
    const [container] = runtimeOf(kubernetes?.package ?? '').template.spec.containers;
    expect(container.args).toEqual(['--sanitize-secrets']);
  });

  it('gives a reason at each rule', () => {
    const lines = read('package/install.yaml').split('\n');
    const rules = lines.flatMap((line, index) => (line.startsWith('  - apiGroups:') ? [index] : []));
    expect(rules.length).toBe(ofKind('ClusterRole').flatMap((one) => listAt(one, 'rules')).length);
    for (const index of rules) expect(lines[index - 1]).toMatch(/^ {2}# \S/);
  });

  it.each(['ValidatingAdmissionPolicyBinding', 'ValidatingAdmissionPolicy'])(
    '%s: one for each policy',
    (kind) => {
      const names = ofKind(kind).map((one) => one.metadata.name);
      expect(names).toEqual([
        'openova-claims-are-bound-by-crossplane',
        'openova-claims-use-accounts-of-their-namespace',
      ]);
    },
  );

  it('denies what its policies do not admit', () => {
    const bindings = ofKind('ValidatingAdmissionPolicyBinding');
    expect(bindings.map((one) => textAt(one, 'spec', 'policyName'))).toEqual(
      bindings.map((one) => one.metadata.name),
    );
    for (const one of bindings) expect(listAt(one, 'spec', 'validationActions')).toEqual(['Deny']);
  });

  it('refuses no account where a claim names none: one that gives its DNS up', () => {
    const [, policy] = ofKind('ValidatingAdmissionPolicy');
    const refused = listAt(policy, 'spec', 'variables').find((one) => textAt(one, 'name') === 'refused');
    expect(textAt(refused, 'expression')).toMatch(
      /\.filter\(name, name != '' && !\(name in variables\.allowed\)\)$/,
    );
  });

  it('guards every kind of claim, and lets tenants write every one and nothing else', () => {
    const claims = KINDS.flatMap(({ claim }) => claim?.plural ?? []).sort();
    const accounts = KINDS.filter(
      ({ schema, claim }) => claim && hasField(schema, 'cloud.providerConfigRef'),
    );
    const [bound, used] = ofKind('ValidatingAdmissionPolicy').map((one) =>
      listAt(one, 'spec', 'matchConstraints', 'resourceRules').flatMap((rule) => listAt(rule, 'resources')),
    );
    const tenant = ofKind('ClusterRole').find((one) => one.metadata.name === 'openova:tenant');

    expect(bound).toEqual(claims);
    expect(used).toEqual(accounts.flatMap(({ claim }) => claim?.plural ?? []).sort());
    expect(listAt(tenant, 'rules').map((rule) => listAt(rule, 'resources'))).toEqual([claims]);
  });

  it('holds no Secret', () => {
    expect(ofKind('Secret')).toEqual([]);
  });
});

describe('credentials', () => {
  it('of the base: the ProviderConfig "default" of each account, with the Secret that it reads', () => {
    const configs = ofKind('ProviderConfig');
    const hetzner = PACKAGES.filter(({ name }) => name === 'provider-hetzner');
    expect(configs.map(({ apiVersion, kind }) => ({ apiVersion, kind }))).toEqual(
      hetzner.map(({ providerConfig }) => providerConfig),
    );
    for (const config of configs) {
      expect(config.metadata.name).toBe('default');
      expect(checkManifest(config)).toEqual([]);
      expect(hasSecret(CREDENTIALS, config)).toBe(true);
    }
  });

  it('of each further DNS provider: the same', () => {
    const configs = ofKind('ProviderConfig', DNS);
    const wanted = PACKAGES.filter(({ use }) => use !== 'base').map(({ providerConfig }) => providerConfig);
    expect(configs.map(({ apiVersion, kind }) => ({ apiVersion, kind }))).toEqual(wanted);
    for (const config of configs) expect(hasSecret(DNS, config)).toBe(true);
  });

  it('are in the namespace that tenants cannot read, or in that of the claim that names them', () => {
    const namespaces = new Set(
      ofKind('Secret', [...CREDENTIALS, ...DNS]).map((one) => one.metadata.namespace),
    );
    expect([...namespaces].sort()).toEqual(['acme-platform', SYSTEM_NAMESPACE]);
  });

  it('are placeholders that nobody can take for values', () => {
    for (const secret of ofKind('Secret', [...CREDENTIALS, ...DNS]))
      for (const value of Object.values(z.record(z.string(), z.string()).parse(secret['stringData'])))
        expect(value).toMatch(/PUT/);
  });

  it('of Hetzner are JSON, which a bare token is not', () => {
    const [secret] = ofKind('Secret', CREDENTIALS);
    expect(
      Object.keys(z.looseObject({}).parse(JSON.parse(textAt(secret, 'stringData', 'credentials') ?? ''))),
    ).toEqual(['token']);
  });
});
