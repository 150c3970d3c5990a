import {
  Ready,
  RunFunctionResponse,
  Severity,
  type RunFunctionRequest,
} from '@crossplane-org/function-sdk-typescript';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject, Manifest } from '../../functions/kernel/manifest.ts';
import { developmentFunction, schemaDocuments } from '../../functions/simulator/crossplane-render.ts';
import { compositionRender, validate, type RenderInput } from './crossplane.ts';
import { serveFunction, type ServedFunction } from './function.ts';

const probes = {
  served: { apiVersion: 'helm.crossplane.io/v1beta1', kind: 'Release' },
  sibling: { apiVersion: 'helm.crossplane.io/v1beta1', kind: 'ProviderConfig' },
  core: { apiVersion: 'v1', kind: 'Secret' },
  unknown: { apiVersion: 'dns.example.org/v1', kind: 'Record' },
};

/** Composes one ConfigMap that says what the request held: which probed kinds are served, and what was observed. */
function answer(request: RunFunctionRequest): RunFunctionResponse {
  const spec: unknown = request.observed?.composite?.resource?.['spec'];
  if (JSON.stringify(spec).includes('refuse')) {
    return RunFunctionResponse.fromPartial({
      results: [{ severity: Severity.SEVERITY_FATAL, message: 'cannot go on: spec.text is "refuse"' }],
    });
  }
  const schemas = Object.entries(request.requiredSchemas);
  const served = schemas
    .filter(([, schema]) => Object.keys(schema.openapiV3 ?? {}).length > 0)
    .map(([name]) => name);
  const data = {
    asked: keys(request.requiredSchemas),
    served: served.sort().join(' '),
    observed: keys(request.observed?.resources),
  };
  return RunFunctionResponse.fromPartial({
    requirements: { schemas: probes },
    results: [{ severity: Severity.SEVERITY_NORMAL, reason: 'Said', message: 'one object desired' }],
    desired: {
      composite: { resource: { status: { words: 'here' } } },
      resources: {
        said: {
          resource: {
            apiVersion: 'v1',
            kind: 'ConfigMap',
            metadata: { name: 'said', namespace: 'default' },
            data,
          },
          ready: Ready.READY_TRUE,
        },
      },
    },
  });
}

function keys(map: object | undefined): string {
  return Object.keys(map ?? {})
    .sort()
    .join(' ');
}

const xrd: Manifest = {
  apiVersion: 'apiextensions.crossplane.io/v1',
  kind: 'CompositeResourceDefinition',
  metadata: { name: 'xechoes.test.openova.io' },
  spec: {
    group: 'test.openova.io',
    scope: 'LegacyCluster',
    names: { kind: 'XEcho', plural: 'xechoes' },
    versions: [{ name: 'v1', served: true, referenceable: true, schema: { openAPIV3Schema: echoSchema() } }],
  },
};

function echoSchema(): JsonObject {
  const text = { type: 'string', default: 'silence', maxLength: 20 };
  const rule = { rule: "self.text != 'noise'", message: 'spec.text is "noise", must be a word' };
  return {
    type: 'object',
    properties: {
      spec: { type: 'object', properties: { text }, 'x-kubernetes-validations': [rule] },
      status: { type: 'object', properties: { words: { type: 'string' } } },
    },
  };
}

function echo(spec: JsonObject): Manifest {
  return {
    apiVersion: 'test.openova.io/v1',
    kind: 'XEcho',
    metadata: { name: 'echo', uid: 'f1a0c0de-0000-4000-8000-000000000001' },
    spec,
  };
}

describe('the real core', () => {
  let served: ServedFunction;
  let input: RenderInput;

  beforeAll(async () => {
    served = await serveFunction(answer);
    input = {
      xr: echo({}),
      xrd,
      composition: {
        apiVersion: 'apiextensions.crossplane.io/v1',
        kind: 'Composition',
        metadata: { name: 'echo' },
        spec: {
          compositeTypeRef: { apiVersion: 'test.openova.io/v1', kind: 'XEcho' },
          mode: 'Pipeline',
          pipeline: [{ step: 'echo', functionRef: { name: 'function-echo' } }],
        },
      },
      functions: [developmentFunction('function-echo', served.target)],
    };
  });

  afterAll(() => {
    served.close();
  });

  it('renders what the function desires, with the marks that it gives to composed objects', async () => {
    const { xr, resources, events } = await compositionRender(input);

    expect(resources).toMatchObject([
      {
        kind: 'ConfigMap',
        metadata: {
          name: 'said',
          labels: { 'crossplane.io/composite': 'echo' },
          annotations: { 'crossplane.io/composition-resource-name': 'said' },
          ownerReferences: [{ kind: 'XEcho', name: 'echo', controller: true }],
        },
      },
    ]);
    expect(xr).toMatchObject({ metadata: { name: 'echo' }, status: { words: 'here' } });
    expect(events.filter(({ reason }) => reason === 'Said')).toMatchObject([{ type: 'Normal' }]);
  });

  const probed = {
    'nothing is served': { served: [], want: '' },
    'two kinds of one group are': { served: [probes.served, probes.sibling], want: 'served sibling' },
    'a kind of the core group is': { served: [probes.core], want: 'core' },
    'only another kind of the group is': { served: [probes.sibling], want: 'sibling' },
  };
  for (const [name, { served: kinds, want }] of Object.entries(probed)) {
    it(`answers every probe when ${name}: a schema that is not empty means served`, async () => {
      const { resources } = await compositionRender({ ...input, served: kinds });

      expect(resources[0]).toMatchObject({ data: { asked: 'core served sibling unknown', served: want } });
    });
  }

  it('shows the function what was observed', async () => {
    const first = await compositionRender(input);
    const { resources } = await compositionRender({ ...input, observed: first.resources });

    expect(resources[0]).toMatchObject({ data: { observed: 'said' } });
  });

  it('fails with the words of a fatal result', async () => {
    await expect(compositionRender({ ...input, xr: echo({ text: 'refuse' }) })).rejects.toThrow(
      'cannot go on: spec.text is "refuse"',
    );
  });
});

describe('the real validation', () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'openova-validate-'));
    await writeFile(join(folder, 'xrd.yaml'), JSON.stringify(xrd));
  });

  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  const cases = {
    'a good object': {
      reason: 'the schema allows it',
      object: echo({ text: 'hello' }),
      passed: 1,
      errors: [],
      missing: [],
    },
    'an unknown field': {
      reason: 'the API server would drop it',
      object: echo({ txt: 'hello' }),
      passed: 0,
      errors: ['spec.txt'],
      missing: [],
    },
    'a value that is too long': {
      reason: 'the schema bounds it',
      object: echo({ text: 'x'.repeat(21) }),
      passed: 0,
      errors: ['spec.text'],
      missing: [],
    },
    'a broken rule': {
      reason: 'CEL rules run too',
      object: echo({ text: 'noise' }),
      passed: 0,
      errors: ['spec'],
      missing: [],
    },
    'a kind without a schema': {
      reason: 'it is named, not passed over',
      object: { apiVersion: 'dns.example.org/v1', kind: 'Record', metadata: { name: 'a' } },
      passed: 0,
      errors: [],
      missing: ['dns.example.org/v1/Record'],
    },
  };
  for (const [name, { reason, object, passed, errors, missing }] of Object.entries(cases)) {
    it(`${name}: ${reason}`, async () => {
      const got = await validate([folder], [object]);

      expect({ ...got, errors: got.errors.map(({ field }) => field) }).toEqual({ passed, errors, missing });
    });
  }
});

describe('schemaDocuments', () => {
  it('puts all kinds of a group and version into one file: core reads only the first of two', () => {
    const names = [...schemaDocuments(Object.values(probes)).keys()];

    expect(names).toEqual(['dns.example.org_v1.json', 'helm.crossplane.io_v1beta1.json', 'core_v1.json']);
  });

  it('is never without a file: an empty folder is an error', () => {
    expect([...schemaDocuments([]).keys()]).toEqual(['none.json']);
  });
});
