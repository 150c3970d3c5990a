/** What a person may change while an older release runs. */
import { expect, it } from 'vitest';
import { at, listAt, textAt, type Json, type JsonObject } from '../../functions/kernel/manifest.ts';
import { History, LEAST, machine } from './history.ts';

/** A region of an older release, after an edit of its claim. */
function edited(edit: JsonObject): History {
  const history = new History();
  history.settle();
  history.change('platform', 'status.release', '0.0');
  history.status = { ...history.status, release: '0.0' };
  // What the older release made otherwise than this one.
  history.change('firewall', 'spec.forProvider.rule', [
    ...listAt(history.get('firewall'), 'spec', 'forProvider', 'rule'),
    { ...RULE, sourceIps: ['192.0.2.10/32'] },
  ]);
  history.change('load-balancer', 'spec.forProvider.algorithm', [{ type: 'least_connections' }]);
  history.spec = { ...LEAST, ...edit };
  history.turn();
  return history;
}

const RULE = { direction: 'in', protocol: 'tcp', port: '2379', description: 'of an older release' };

const cases: { reason: string; edit: JsonObject; key: string; path: string[]; want: Json }[] = [
  {
    reason: 'an address that may reach the machines',
    edit: { access: { managementCidrs: ['192.0.2.11/32'] } },
    key: 'firewall',
    path: ['spec', 'forProvider', 'rule'],
    want: [
      expect.objectContaining({ port: '22', sourceIps: ['192.0.2.11/32'] }),
      expect.objectContaining({ port: '6443', sourceIps: ['192.0.2.11/32'] }),
      { ...RULE, sourceIps: ['192.0.2.10/32'] },
    ],
  },
  {
    reason: 'whether machines outlive the claim',
    edit: { deletion: { machines: 'Orphan' } },
    key: machine('control-plane-1'),
    path: ['spec', 'deletionPolicy'],
    want: 'Orphan',
  },
  {
    reason: 'whether the provider may delete machines',
    edit: { deletion: { machines: 'Orphan' } },
    key: machine('control-plane-1'),
    path: ['spec', 'managementPolicies'],
    want: ['Observe', 'Create', 'Update'],
  },
  {
    reason: 'the size of the load balancer',
    edit: { loadBalancer: { size: 'lb21' } },
    key: 'load-balancer',
    path: ['spec', 'forProvider', 'loadBalancerType'],
    want: 'lb21',
  },
];

it.each(cases)('while an older release runs, $reason follows the claim', ({ edit, key, path, want }) => {
  const history = edited(edit);

  expect(textAt(history.xr(), 'status', 'release')).toBe('0.0');
  expect(at(history.get(key), ...path)).toEqual(want);
  expect(at(history.get('load-balancer'), 'spec', 'forProvider', 'algorithm')).toEqual([
    { type: 'least_connections' },
  ]);
});
