/** An operation has time for all of its steps: what is slow fails as the step that it is slow in. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Operation } from '../../functions/bootstrap/contract.ts';
import { numberAt } from '../../functions/kernel/manifest.ts';
import { common, inputOf } from '../../functions/region/jobs.ts';
import { History, jobsOf } from './history.ts';

const XR = { apiVersion: 'v1', kind: 'XOpenOvaRegion', metadata: { name: 'acme' } };

const LOGIN = 600;
const LEASE = 1800;
const INSTALL = 600;
const START = 900;
const FIND = 180;
const EARLIER = 600;
const FORGET = 300;

/** The seconds of all steps in the documentation's table, those of a restore too. */
function stepsOfServer(): number {
  const [, table = ''] =
    /## Steps of a server\n([\s\S]*?)\n\n(?!Each|\|)/.exec(readFileSync('docs/bootstrap.md', 'utf8')) ?? [];
  const seconds = [...table.matchAll(/^\| [^|]+ \| (\d+) \|/gm)].map(([, text]) => Number(text));
  expect(seconds.length).toBeGreaterThan(20);
  return sum(seconds);
}

const sum = (numbers: readonly number[]) => numbers.reduce((one, other) => one + other, 0);

describe('the time of an operation', () => {
  it.each<[Operation, number, string]>([
    ['server', stepsOfServer(), 'every step in the documentation'],
    [
      'agent',
      sum([2 * LOGIN, 600, 300, 300, 60, INSTALL, FIND, FORGET, START, 300, 165]),
      'login, cloud-init, locks, interface, kernel, K3s, others, Kubernetes, checks, firewall',
    ],
    [
      'drain-and-remove',
      sum([LEASE, FIND, 120, 900 + 60, 120, 120, 300, 120, FORGET, 120, FORGET]),
      'Lease, server, quorum, drain, quorum, leader, login, twice forgotten, stop',
    ],
    [
      'upgrade',
      sum([LEASE, LOGIN, 60, EARLIER, 600, INSTALL, 60, START]),
      'Lease, login, version, others, etcd saved, K3s, restart, node',
    ],
    ['kubeconfig', sum([LOGIN, 120, 120]), 'login, account, Secret'],
    ['label', sum([LOGIN, FIND, 120]), 'login, server, label'],
  ])('%s is above the sum of its steps, %i s: %s', (operation, steps) => {
    expect(common(XR, 'one', operation).deadlineSeconds).toBeGreaterThan(steps);
  });

  it('ends before its Job does, which could not say what was waited for', () => {
    const history = new History();
    history.settle();
    const keys = ['prepare', 'server', 'agent', 'kubeconfig'].flatMap((sort) => jobsOf(history, sort));
    expect(keys.length).toBeGreaterThan(4);
    for (const key of keys) {
      const job = history.get(key);
      const { deadlineSeconds = Infinity } = inputOf(job) ?? {};
      expect(numberAt(job, 'spec', 'activeDeadlineSeconds'), key).toBeGreaterThanOrEqual(
        deadlineSeconds + 60,
      );
    }
  });
});
