/** What the API server says of edits, by the rules that compare with what was: nothing but a real one can be asked that. */
import { expect, it } from 'vitest';
import type { JsonObject, Manifest } from '../../../functions/kernel/manifest.ts';
import { cases } from '../../apis/cases.ts';
import { KubeError } from '../kube.ts';
import type { Scenario } from '../scenario.ts';

/** A composite that nobody works on; what a claim alone may not say is of no interest here. */
function paused(kind: string, index: number, spec: JsonObject): Manifest {
  return {
    apiVersion: 'platform.openova.io/v1alpha1',
    kind: `X${kind}`,
    metadata: { name: `edit-${index}`, annotations: { 'crossplane.io/paused': 'true' } },
    spec,
  };
}

/** `path: message` as an error of the API server says it; a list in a path stands for any item of it. */
function pattern(line: string): RegExp {
  const [path = '', ...message] = line.split(': ').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  const items = path.replaceAll('\\[\\]', '\\[[^\\]]*\\]');
  return new RegExp(`${items}: (?:(?!, spec[.:])[^])*${message.join(': ')}`);
}

/** Restoring is not available yet: no service has what it was restored from. */
const made = cases
  .flatMap(({ before, ...rest }) => (before === undefined ? [] : [{ ...rest, before }]))
  .filter(({ kind, before }) => kind !== 'DataService' || before['restoreFrom'] === undefined);

export const edits: Scenario = (given) => {
  it.each(made.map((one, index) => ({ ...one, index })))(
    '$kind: $reason',
    async ({ kind, index, before, spec, breaks }) => {
      await given().kube.apply(paused(kind, index, before));

      const answer = await given()
        .kube.apply(paused(kind, index, spec))
        .catch((error: unknown) => error);

      const said = answer instanceof KubeError ? answer.message : '';
      expect(answer instanceof KubeError).toBe(breaks.length > 0);
      expect(breaks.filter((line) => !pattern(line).test(said))).toEqual([]);
    },
  );
};
