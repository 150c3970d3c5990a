/** Firewalls, SSH keys and placement groups. */
import { createHash } from 'node:crypto';
import { listAt, same, type JsonObject } from '../../../functions/kernel/manifest.ts';
import { ApiError, type Kind, type Project } from './state.ts';
import { created, filtered, id, labelsOf, page, renamed, text, type Asked, type Routes } from './routes.ts';

/** A rule as the API shows it. */
function rule(body: JsonObject): JsonObject {
  return { port: null, description: null, source_ips: [], destination_ips: [], ...body };
}

function rulesOf(body: JsonObject): JsonObject[] {
  return listAt(body, 'rules').flatMap((one) =>
    typeof one === 'object' && one !== null && !Array.isArray(one) ? [rule(one)] : [],
  );
}

function simple(kind: Kind, one: string, make: (asked: Asked) => JsonObject): Routes {
  return {
    [`GET /${kind}`]: ({ project, query }) => page(kind, filtered(project.all(kind), query)),
    [`GET /${kind}/:id`]: (asked) => ({ [one]: asked.project.get(kind, id(asked)) }),
    [`POST /${kind}`]: (asked) => {
      asked.project.unique(kind, 'name', asked.body['name']);
      return { [one]: asked.project.put(kind, { id: asked.project.id(), ...make(asked) }) };
    },
    [`PUT /${kind}/:id`]: (asked) => ({ [one]: asked.project.change(kind, id(asked), renamed(asked.body)) }),
    [`DELETE /${kind}/:id`]: (asked) => {
      refuseWhileUsed(asked.project, kind, id(asked));
      asked.project.remove(kind, id(asked));
      return undefined;
    },
  };
}

function refuseWhileUsed(project: Project, kind: Kind, own: number): void {
  if (kind === 'firewalls' && listAt(project.get(kind, own), 'applied_to').length > 0)
    throw new ApiError(409, 'resource_in_use', 'firewall is still in use');
}

/** MD5 of the key's own bytes, as the API tells keys apart. */
function fingerprint(key: string): string {
  const digest = createHash('md5')
    .update(Buffer.from(key.split(' ')[1] ?? '', 'base64'))
    .digest('hex');
  return digest.match(/../g)?.join(':') ?? '';
}

export const firewalls: Routes = {
  ...simple('firewalls', 'firewall', ({ body }) => ({
    ...created,
    name: text(body, 'name'),
    labels: labelsOf(body),
    rules: rulesOf(body),
    applied_to: [],
  })),
  'POST /firewalls': ({ project, body }) => {
    project.unique('firewalls', 'name', body['name']);
    const firewall = project.put('firewalls', {
      ...created,
      id: project.id(),
      name: text(body, 'name'),
      labels: labelsOf(body),
      rules: rulesOf(body),
      applied_to: listAt(body, 'apply_to'),
    });
    return { firewall, actions: [] };
  },
  'POST /firewalls/:id/actions/set_rules': (asked) => {
    asked.project.change('firewalls', id(asked), { rules: rulesOf(asked.body) });
    return { actions: [asked.project.action('set_firewall_rules', 'firewall', id(asked))] };
  },
  'POST /firewalls/:id/actions/apply_to_resources': (asked) => {
    const before = listAt(asked.project.get('firewalls', id(asked)), 'applied_to');
    const applied_to = [...before, ...listAt(asked.body, 'apply_to')];
    asked.project.change('firewalls', id(asked), { applied_to });
    return { actions: [asked.project.action('apply_firewall', 'firewall', id(asked))] };
  },
  'POST /firewalls/:id/actions/remove_from_resources': (asked) => {
    const gone = listAt(asked.body, 'remove_from');
    const left = listAt(asked.project.get('firewalls', id(asked)), 'applied_to').filter(
      (one) => !gone.some((other) => same(one, other)),
    );
    asked.project.change('firewalls', id(asked), { applied_to: left });
    return { actions: [asked.project.action('remove_firewall', 'firewall', id(asked))] };
  },
};

export const sshKeys: Routes = simple('ssh_keys', 'ssh_key', ({ project, body }) => {
  const key = text(body, 'public_key');
  project.unique('ssh_keys', 'fingerprint', fingerprint(key));
  return {
    ...created,
    name: text(body, 'name'),
    public_key: key,
    fingerprint: fingerprint(key),
    labels: labelsOf(body),
  };
});

export const placementGroups: Routes = {
  ...simple('placement_groups', 'placement_group', ({ body }) => ({
    ...created,
    name: text(body, 'name'),
    type: text(body, 'type'),
    labels: labelsOf(body),
    servers: [],
  })),
};
