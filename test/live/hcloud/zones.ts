/** DNS zones and their record sets; a zone goes by its name. */
import { type JsonObject } from '../../../functions/kernel/manifest.ts';
import { created, labelsOf, number, page, text, written, type Asked, type Routes } from './routes.ts';
import { ApiError, type Project } from './state.ts';

/** Makes a zone: people do that, our claims only use it. */
export function addZone(project: Project, name: string): void {
  project.put('zones', {
    ...created,
    id: project.id(),
    name,
    mode: 'primary',
    ttl: 3600,
    status: 'ok',
    labels: {},
    primary_nameservers: [],
    authoritative_nameservers: {
      assigned: ['hydrogen.ns.example.'],
      delegated: [],
      delegation_status: 'valid',
    },
    record_count: 0,
    registrar: 'other',
  });
}

function zoneOf({ project, parts: [zone = ''] }: Asked): JsonObject {
  const found = project.all('zones').find(({ id, name }) => name === zone || written(id) === zone);
  if (found === undefined) throw new ApiError(404, 'not_found', `zone "${zone}" not found`);
  return found;
}

function rrsetOf(asked: Asked): JsonObject {
  const [, name, type] = asked.parts;
  const zone = zoneOf(asked)['id'];
  const found = asked.project
    .all('rrsets')
    .find((one) => one['zone'] === zone && one['name'] === name && one['type'] === type);
  if (found === undefined)
    throw new ApiError(404, 'not_found', `rrset "${name ?? ''} ${type ?? ''}" not found`);
  return found;
}

/** The record set as the API shows it: its id is not a number there. */
function shown(rrset: JsonObject): JsonObject {
  return { ...rrset, id: `${text(rrset, 'name')}/${text(rrset, 'type')}` };
}

function acting(command: string, change: (body: JsonObject) => JsonObject): Routes[string] {
  return (asked) => {
    const { project, body } = asked;
    const own = number(rrsetOf(asked)['id']);
    project.change('rrsets', own, change(body));
    return { action: project.action(command, 'zone', number(zoneOf(asked)['id'])) };
  };
}

export const zones: Routes = {
  'GET /zones': ({ project }) => page('zones', project.all('zones')),
  'GET /zones/:zone': (asked) => ({ zone: zoneOf(asked) }),
  'GET /zones/:zone/rrsets': ({ project }) => page('rrsets', project.all('rrsets').map(shown)),
  'POST /zones/:zone/rrsets': (asked) => {
    const { project, body } = asked;
    const zone = number(zoneOf(asked)['id']);
    const name = text(body, 'name');
    const type = text(body, 'type');
    if (
      project
        .all('rrsets')
        .some((one) => one['zone'] === zone && one['name'] === name && one['type'] === type)
    )
      throw new ApiError(409, 'uniqueness_error', 'rrset already exists');
    const rrset = project.put('rrsets', {
      id: project.id(),
      zone,
      name,
      type,
      ttl: body['ttl'] ?? null,
      labels: labelsOf(body),
      protection: { change: false },
      records: body['records'] ?? [],
    });
    return { rrset: shown(rrset), action: project.action('create_rrset', 'zone', zone) };
  },
  'GET /zones/:zone/rrsets/:name/:type': (asked) => ({ rrset: shown(rrsetOf(asked)) }),
  'PUT /zones/:zone/rrsets/:name/:type': (asked) => {
    const { project, body } = asked;
    return {
      rrset: shown(project.change('rrsets', number(rrsetOf(asked)['id']), { labels: labelsOf(body) })),
    };
  },
  'DELETE /zones/:zone/rrsets/:name/:type': (asked) => {
    const { project } = asked;
    project.remove('rrsets', number(rrsetOf(asked)['id']));
    return { action: project.action('delete_rrset', 'zone', number(zoneOf(asked)['id'])) };
  },
  'POST /zones/:zone/rrsets/:name/:type/actions/set_records': acting('set_rrset_records', (body) => ({
    records: body['records'] ?? [],
  })),
  'POST /zones/:zone/rrsets/:name/:type/actions/change_ttl': acting('change_rrset_ttl', (body) => ({
    ttl: body['ttl'] ?? null,
  })),
};
