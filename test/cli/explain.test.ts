import { describe, expect, it } from 'vitest';
import { KINDS } from '../../functions/apis/kinds.ts';
import { fieldsOf } from '../../functions/apis/structural.ts';
import { openova } from './helpers.ts';

describe('openova explain', () => {
  it('without a field lists what there is to write', async () => {
    const { code, out } = await openova(['explain']);

    expect(code).toBe(0);
    expect(out).toContain('OpenOvaCluster    ovc   One or two regions');
  });

  it('says type, default, change class, words and children', async () => {
    const { out } = await openova(['explain', 'OpenOvaCluster.spec.pools.count']);

    expect(out.split('\n')).toEqual([
      'KIND     OpenOvaCluster (platform.openova.io/v1alpha1, kubectl get ovc)',
      'FIELD    spec.pools[].count',
      'TYPE     whole number from 0 to 100',
      'DEFAULT  2; of existing machines, those that name the pool',
      'CHANGE   live: takes effect in place, nothing restarts',
      '',
      'Machines in the pool.',
      '',
    ]);
  });

  const same: Record<string, { reason: string; field: string }> = {
    'without spec': { reason: 'there is nothing else to mean', field: 'OpenOvaCluster.pools.count' },
    'the short name': { reason: 'as kubectl takes it', field: 'ovc.spec.pools.count' },
    'the composite': { reason: 'it has the same fields', field: 'xopenovacluster.spec.pools.count' },
    'with an item': { reason: 'as messages write it', field: 'OpenOvaCluster.spec.pools[general].count' },
  };
  for (const [name, { reason, field }] of Object.entries(same)) {
    it(`${name}: ${reason}`, async () => {
      const { out } = await openova(['explain', field]);

      expect(out).toBe((await openova(['explain', 'OpenOvaCluster.spec.pools.count'])).out);
    });
  }

  it('goes through maps by any name', async () => {
    const { out } = await openova(['explain', 'OpenOvaCluster.spec.platform.components.cilium.enabled']);

    expect(out).toContain('FIELD    spec.platform.components.<name>.enabled');
  });

  it('says each field below in words that fit a terminal', async () => {
    const { out } = await openova(['explain', 'OpenOvaCluster.spec.pools']);

    expect(out).toContain(
      '\nname  text; required\n    Name of the pool; part of the names of its machines\n',
    );
    expect(out).toContain('\nserverTypes  list of texts; default [cx43]\n    The cloud');
    expect(out.split('\n').filter((line) => line.length > 100)).toEqual([]);
  });

  const left: Record<string, { reason: string; field: string; line: string }> = {
    'a list': { reason: 'lists are taken whole', field: 'pools', line: 'DEFAULT  what the cluster says' },
    'a field of an object': {
      reason: 'objects are taken by field',
      field: 'controlPlane',
      line: 'count  1 | 3 | 5; default what the cluster says',
    },
    'a field of an item': {
      reason: 'a list of its own has the defaults of a list',
      field: 'pools',
      line: 'serverTypes  list of texts; default [cx43]',
    },
  };
  for (const [name, { reason, field, line }] of Object.entries(left)) {
    it(`${name} that a region leaves out: ${reason}`, async () => {
      const { out } = await openova(['explain', `OpenOvaCluster.spec.regions.${field}`]);

      expect(out.split('\n')).toContain(line);
    });
  }

  it('names the next command as its reader can type it', async () => {
    const { out } = await openova(['explain'], { env: { npm_lifecycle_event: 'openova' } });

    expect(out).toContain('Next: npm run -s openova -- explain OpenOvaCluster\n');
  });

  it('explains the status too', async () => {
    expect((await openova(['explain', 'ovr.status.step'])).out).toContain('FIELDS OF status.step\nnumber');
  });

  const wrong: Record<string, { reason: string; field: string; message: string }> = {
    'an unknown kind': {
      reason: 'it lists them',
      field: 'Cluster',
      message:
        'unknown kind "Cluster", must be one of DataService, OpenOvaCluster, OpenOvaRegion, XOpenOvaPlatform',
    },
    'a slip': {
      reason: 'it guesses',
      field: 'ovc.spec.domian',
      message: 'unknown field "domian" of ovc.spec, did you mean "domain"',
    },
    'a field of nothing': {
      reason: 'texts have none',
      field: 'ovc.spec.domain.x',
      message: 'unknown field "x" of ovc.spec.domain, there are no fields below it',
    },
    'any other name': {
      reason: 'it lists what there is',
      field: 'ovc.spec.pools.zzzzzz',
      message:
        'unknown field "zzzzzz" of ovc.spec.pools, must be one of count, labels, name, serverTypes, taints',
    },
  };
  for (const [name, { reason, field, message }] of Object.entries(wrong)) {
    it(`${name}: ${reason}`, async () => {
      expect(await openova(['explain', field])).toEqual({ code: 2, out: '', err: `${message}\n` });
    });
  }

  it('knows every field of every kind', async () => {
    for (const kind of KINDS) {
      for (const { path } of fieldsOf(kind.schema)) {
        const field = `${kind.kind}.spec.${path.replaceAll('[]', '').replaceAll('<name>', 'any')}`;
        const { code, err } = await openova(['explain', field]);

        expect([field, code, err]).toEqual([field, 0, '']);
      }
    }
  });
});
