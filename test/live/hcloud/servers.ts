/** Servers: addresses, private networks, power. */
import { isObject, listAt, textAt, type Json, type JsonObject } from '../../../functions/kernel/manifest.ts';
import { images, locations, serverTypes } from './catalogue.ts';
import { ApiError, selects, type Project } from './state.ts';
import {
  created,
  filtered,
  id,
  labelsOf,
  number,
  page,
  renamed,
  text,
  written,
  type Asked,
  type Routes,
} from './routes.ts';

/** The firewalls that apply to a server. */
export function firewallsOf(project: Project, server: JsonObject): JsonObject[] {
  return project
    .all('firewalls')
    .filter((firewall) =>
      listAt(firewall, 'applied_to').some((target) =>
        selects(textAt(target, 'label_selector', 'selector') ?? 'nobody', server),
      ),
    );
}

/** Where a server has the keys that may log in, which the API does not show. */
export const AUTHORIZED_KEYS = 'authorized_keys';

function view({ project }: Asked, server: JsonObject): JsonObject {
  const net = isObject(server['public_net']) ? server['public_net'] : {};
  const firewalls = firewallsOf(project, server).map(({ id: own }) => ({ id: own, status: 'applied' }));
  const group = server['placement_group'];
  return {
    ...server,
    [AUTHORIZED_KEYS]: undefined,
    public_net: { ...net, firewalls },
    // A group may go before its servers.
    placement_group: project.all('placement_groups').find((one) => one['id'] === group) ?? null,
  };
}

function byNameOrId(things: readonly JsonObject[], wanted: Json | undefined, what: string): JsonObject {
  const found = things.find((thing) => written(thing['id']) === written(wanted) || thing['name'] === wanted);
  if (found === undefined)
    throw new ApiError(422, 'invalid_input', `unknown ${what} ${JSON.stringify(wanted)}`);
  return found;
}

function create(asked: Asked): JsonObject {
  const { project, body } = asked;
  project.unique('servers', 'name', body['name']);
  const own = project.id();
  const wanted = isObject(body['public_net']) ? body['public_net'] : {};
  const location = byNameOrId(locations, body['location'], 'location');
  const type = byNameOrId(serverTypes, body['server_type'], 'server type');
  if (project.soldOut.has(`${written(type['name'])}/${written(location['name'])}`))
    throw new ApiError(412, 'resource_unavailable', 'error during placement');
  const keys = listAt(body, 'ssh_keys').map((key) =>
    text(project.get('ssh_keys', number(key)), 'public_key'),
  );
  const v4 = {
    id: project.id(),
    ip: project.addressFor(text(body, 'name'), own),
    blocked: false,
    dns_ptr: 'static.example',
  };
  const v6 = { id: project.id(), ip: `2001:db8:${own.toString(16)}::/64`, blocked: false, dns_ptr: [] };
  project.put('servers', {
    ...created,
    id: own,
    name: text(body, 'name'),
    status: 'initializing',
    protection: { delete: false, rebuild: false },
    public_net: {
      ipv4: wanted['enable_ipv4'] === false ? null : v4,
      ipv6: wanted['enable_ipv6'] === false ? null : v6,
      floating_ips: [],
    },
    private_net: listAt(body, 'networks').map((network) => ({
      network,
      ip: '10.0.0.250',
      alias_ips: [],
      mac_address: '86:00:00:00:00:01',
    })),
    server_type: type,
    image: byNameOrId(images, body['image'], 'image'),
    location,
    datacenter: {
      id: 1,
      name: `${written(location['name'])}-dc1`,
      description: '',
      location,
      server_types: {},
    },
    placement_group: body['placement_group'] ?? null,
    labels: labelsOf(body),
    [AUTHORIZED_KEYS]: keys,
    iso: null,
    rescue_enabled: false,
    locked: false,
    backup_window: null,
    outgoing_traffic: 0,
    ingoing_traffic: 0,
    included_traffic: 0,
    primary_disk_size: 80,
    volumes: [],
    load_balancers: [],
  });
  const action = project.action('create_server', 'server', own, () => {
    project.change('servers', own, { status: 'running' });
  });
  return { server: view(asked, project.get('servers', own)), action, next_actions: [], root_password: null };
}

function attach(asked: Asked): JsonObject {
  const { project, body } = asked;
  const network = number(body['network']);
  if (listAt(project.get('networks', network), 'subnets').length === 0)
    throw new ApiError(409, 'no_subnet_available', 'network has no subnet');
  const server = project.get('servers', id(asked));
  const nets = listAt(server, 'private_net');
  if (nets.some((net) => isObject(net) && net['network'] === network))
    throw new ApiError(409, 'server_already_attached', 'server is already attached');
  const own = id(asked);
  const ip = body['ip'] ?? `10.0.0.${own % 200}`;
  const taken = [...project.all('servers'), ...project.all('load_balancers')].some((thing) =>
    listAt(thing, 'private_net').some(
      (net) => isObject(net) && net['network'] === network && net['ip'] === ip,
    ),
  );
  if (taken) throw new ApiError(409, 'ip_not_available', 'ip is taken');
  const mac = `86:00:00:00:${(own >> 8).toString(16).padStart(2, '0')}:${(own & 255).toString(16).padStart(2, '0')}`;
  project.change('servers', own, {
    private_net: [...nets, { network, ip, alias_ips: listAt(body, 'alias_ips'), mac_address: mac }],
  });
  return { action: project.action('attach_to_network', 'server', own) };
}

function power(command: string, status: string): (asked: Asked) => JsonObject {
  return (asked) => {
    asked.project.change('servers', id(asked), { status });
    return { action: asked.project.action(command, 'server', id(asked)) };
  };
}

export const servers: Routes = {
  'GET /servers': (asked) =>
    page(
      'servers',
      filtered(asked.project.all('servers'), asked.query).map((server) => view(asked, server)),
    ),
  'GET /servers/:id': (asked) => ({ server: view(asked, asked.project.get('servers', id(asked))) }),
  'POST /servers': create,
  'PUT /servers/:id': (asked) => ({
    server: view(asked, asked.project.change('servers', id(asked), renamed(asked.body))),
  }),
  'DELETE /servers/:id': (asked) => {
    asked.project.remove('servers', id(asked));
    return { action: asked.project.action('delete_server', 'server', id(asked)) };
  },
  'POST /servers/:id/actions/attach_to_network': attach,
  'POST /servers/:id/actions/detach_from_network': (asked) => {
    const { project, body } = asked;
    const left = listAt(project.get('servers', id(asked)), 'private_net').filter(
      (net) => !(isObject(net) && net['network'] === body['network']),
    );
    project.change('servers', id(asked), { private_net: left });
    return { action: project.action('detach_from_network', 'server', id(asked)) };
  },
  'POST /servers/:id/actions/change_alias_ips': (asked) => ({
    action: asked.project.action('change_alias_ips', 'server', id(asked)),
  }),
  'POST /servers/:id/actions/change_protection': (asked) => {
    asked.project.change('servers', id(asked), { protection: asked.body });
    return { action: asked.project.action('change_protection', 'server', id(asked)) };
  },
  'POST /servers/:id/actions/change_type': (asked) => {
    // Clients go by the code (hcloud-go, ErrorCodeServerNotStopped); the status is made up.
    if (asked.project.get('servers', id(asked))['status'] !== 'off')
      throw new ApiError(422, 'server_not_stopped', 'server is not stopped');
    const type = byNameOrId(serverTypes, asked.body['server_type'], 'server type');
    asked.project.change('servers', id(asked), { server_type: type });
    return { action: asked.project.action('change_server_type', 'server', id(asked)) };
  },
  'POST /servers/:id/actions/add_to_placement_group': (asked) => {
    asked.project.change('servers', id(asked), { placement_group: asked.body['placement_group'] });
    return { action: asked.project.action('add_to_placement_group', 'server', id(asked)) };
  },
  'POST /servers/:id/actions/poweroff': power('stop_server', 'off'),
  'POST /servers/:id/actions/shutdown': power('shutdown_server', 'off'),
  'POST /servers/:id/actions/poweron': power('start_server', 'running'),
};
