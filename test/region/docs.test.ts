/** docs/k3s.md says everything that machines are told and that they let in. */
import { expect, it } from 'vitest';
import { snapshotConfig } from '../../functions/bootstrap/node/snapshots.ts';
import { k3sDocument } from '../../functions/region/docs.ts';
import { allowList } from '../../functions/region/host.ts';
import { inputOf } from '../../functions/region/jobs.ts';
import { DNS_PORTS } from '../../functions/region/ports.ts';
import { MemoryStore } from '../bootstrap/memory-store.ts';
import { target } from '../bootstrap/scripted.ts';
import { History, jobsOf } from './history.ts';

const TEXT = k3sDocument();

it('every flag that a machine of a region is given', async () => {
  const history = new History();
  history.settle();
  const inputs = ['server', 'agent'].flatMap((sort) =>
    jobsOf(history, sort).flatMap((key) => inputOf(history.get(key)) ?? []),
  );
  const flags = inputs.flatMap((input) => ('k3s' in input ? [input.k3s.common, input.k3s.node] : []));
  const s3 = { endpoint: 's3.test', bucket: 'acme', region: 'eu', folder: 'a' };
  const snapshots = await snapshotConfig(new MemoryStore(), { schedule: '0 * * * *', retention: 5, s3 });
  const given = new Set([...flags, snapshots, { 'node-external-ip': '' }].flatMap((one) => Object.keys(one)));

  const isSaid = (flag: string) => TEXT.includes(`\`${flag.replace(/^etcd-s3-.*/, 'etcd-s3-*')}\``);
  const unsaid = [...given].filter((flag) => !isSaid(flag));
  expect(given.size).toBeGreaterThan(15);
  expect(unsaid).toEqual([]);
});

it('every port that a machine lets in', () => {
  const allow = allowList({
    places: [target('server-1')],
    podCidr: '10.42.0.0/16',
    access: { managementCidrs: [], sshAllowedCidrs: [], apiAllowedCidrs: [] },
    further: DNS_PORTS,
  });
  const open = allow.flatMap(({ ports, protocol }) => ports.map((port) => `${port}/${protocol}`));
  expect(open).toContain('53/udp');
  expect(open.filter((port) => !TEXT.includes(`| ${port} |`))).toEqual([]);
});
