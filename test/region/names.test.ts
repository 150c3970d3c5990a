/** Names that two regions could share are told apart. */
import { describe, expect, it } from 'vitest';
import { KUBECONFIG_TYPE } from '../../functions/bootstrap/contract.ts';
import { regionXrName } from '../../functions/cluster/cluster.ts';
import { textAt, type JsonObject } from '../../functions/kernel/manifest.ts';
import { CLAIM_NAME_LABEL, CLAIM_NAMESPACE_LABEL } from '../../functions/kernel/names.ts';
import { kubeconfigCopy } from '../../functions/region/access.ts';
import { regionComposer } from '../../functions/region/index.ts';
import { planMachines } from '../../functions/region/machines.ts';
import { History, LEAST } from './history.ts';

function specOf(more: JsonObject) {
  const parsed = regionComposer.parse(new History({ ...LEAST, ...more }).xr());
  if (!parsed.ok) throw new Error('the spec of this test is wrong');
  return parsed.spec;
}

describe('servers at the cloud', () => {
  const named = (region: string, pool: string) =>
    planMachines(regionXrName('acme-x7k2p', region), specOf({ pools: [{ name: pool, count: 1 }] })).map(
      ({ name }) => name,
    );

  it('regions "fsn" and "fsn-g" share none, whatever their pools are called', () => {
    const [one, other] = [named('fsn', 'g-x'), named('fsn-g', 'x')];

    expect(one.filter((name) => other.includes(name))).toEqual([]);
  });

  it('ordinary ones are plain', () => {
    expect(named('fsn', 'general')).toContain('acme-x7k2p-fsn-general-1-g1');
  });
});

describe("the tenant's kubeconfig", () => {
  const copyOf = (claim: string, region?: string) => {
    const labels = { [CLAIM_NAME_LABEL]: claim, [CLAIM_NAMESPACE_LABEL]: 'acme-platform' };
    const xr = { ...new History().xr(), metadata: { name: 'any', labels } };
    return kubeconfigCopy(xr, specOf(region === undefined ? {} : { name: region, cluster: { name: claim } }))
      ?.name;
  };

  it('no two claims and regions of a namespace mean one Secret', () => {
    const names = [
      copyOf('a-b', 'c'),
      copyOf('a', 'b-c'),
      copyOf('a-b-c'),
      copyOf('a'),
      copyOf('a', 'kubeconfig'),
      copyOf('a-kubeconfig'),
    ];

    expect(new Set(names).size).toBe(names.length);
    expect(names[0]).toBe('a-b.c.kubeconfig');
  });

  it('has a type of its own: the API server lets no Secret change its type, so none of a user is taken over', () => {
    const history = new History();
    history.settle();

    expect(textAt(history.get('kubeconfig-copy'), 'type')).toBe(KUBECONFIG_TYPE);
    expect(textAt(history.get('kubeconfig-copy'), 'metadata', 'name')).toBe('acme.kubeconfig');
  });
});
