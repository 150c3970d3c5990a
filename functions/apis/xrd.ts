/** The CompositeResourceDefinition and the Composition of each kind. */
import { GROUP } from '../kernel/names.ts';
import type { JsonObject, Manifest } from '../kernel/manifest.ts';
import { CLAIM_NAME_MESSAGE, claimNameCel } from './claim-name.ts';
import type { Kind, Names } from './kinds.ts';
import type { CelRule } from './rules.ts';
import { hasField, structuralOf } from './structural.ts';

export const VERSION = 'v1alpha1';
export const API_VERSION = `${GROUP}/${VERSION}`;

/**
 * What the function is called in a cluster: Crossplane names a function that came as a dependency after the
 * organisation and repository of its package, `ghcr.io/openova/function-openova`.
 */
export const FUNCTION = 'openova-function-openova';

function names({ kind, plural, shortName }: Names): JsonObject {
  return { kind, plural, singular: kind.toLowerCase(), shortNames: [shortName], categories: ['openova'] };
}

/** A rule as the schema carries it. Where its field belongs to the items of a list, it is reported at the list. */
function validation(kind: Kind, { path, cel, message, messageCel }: CelRule): JsonObject {
  const exact = hasField(kind.schema, path);
  return {
    rule: cel,
    message: exact ? message : `${path} ${message}`,
    ...(messageCel === undefined ? {} : { messageExpression: messageCel }),
    fieldPath: exact ? `.${path}` : '.regions',
  };
}

export function nameOf(kind: Kind): string {
  return `${kind.plural}.${GROUP}`;
}

export function compositeResourceDefinition(kind: Kind): Manifest {
  const own = structuralOf(kind.schema);
  const derived = own['x-kubernetes-validations'];
  const rules = [
    ...kind.cel.map((rule) => validation(kind, rule)),
    ...(Array.isArray(derived) ? derived : []),
  ];
  const { claim } = kind;
  return {
    apiVersion: 'apiextensions.crossplane.io/v1',
    kind: 'CompositeResourceDefinition',
    metadata: { name: nameOf(kind) },
    spec: {
      scope: 'LegacyCluster',
      group: GROUP,
      names: names(kind),
      ...(claim === undefined ? {} : { claimNames: names(claim) }),
      defaultCompositionRef: { name: nameOf(kind) },
      // A claim stays visible while machines still cost money.
      defaultCompositeDeletePolicy: 'Foreground',
      versions: [
        {
          name: VERSION,
          served: true,
          referenceable: true,
          additionalPrinterColumns: kind.columns.map(([name, jsonPath]) => ({
            name,
            type: 'string',
            jsonPath,
          })),
          schema: {
            openAPIV3Schema: {
              type: 'object',
              description: `${kind.description}.`,
              ...(claim === undefined
                ? {}
                : {
                    'x-kubernetes-validations': [
                      {
                        rule: claimNameCel(claim.kind),
                        message: `metadata.name ${CLAIM_NAME_MESSAGE}`,
                      },
                      ...(kind.claimCel ?? []).map(({ path, cel, message }) => ({
                        rule: cel,
                        message,
                        fieldPath: `.spec.${path}`,
                      })),
                    ],
                  }),
              properties: {
                spec: {
                  ...own,
                  description: 'What should be.',
                  ...(rules.length === 0 ? {} : { 'x-kubernetes-validations': rules }),
                },
                status: { ...structuralOf(kind.status), description: 'What is.' },
              },
            },
          },
        },
      ],
    },
  };
}

/** One step, ours; users add steps of their own before and after it in a Composition of their own. */
export function composition(kind: Kind): Manifest {
  return {
    apiVersion: 'apiextensions.crossplane.io/v1',
    kind: 'Composition',
    metadata: { name: nameOf(kind) },
    spec: {
      compositeTypeRef: { apiVersion: API_VERSION, kind: kind.kind },
      mode: 'Pipeline',
      pipeline: [{ step: 'openova', functionRef: { name: FUNCTION } }],
    },
  };
}
