/** Load balancers, their services, targets and private networks. */
import {
  isObject,
  listAt,
  numberAt,
  textAt,
  type Json,
  type JsonObject,
} from '../../../functions/kernel/manifest.ts';
import { loadBalancerTypes, locations } from './catalogue.ts';
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
  type Asked,
  type Routes,
} from './routes.ts';

function view({ project }: Asked, balancer: JsonObject): JsonObject {
  const targets = listAt(balancer, 'targets').map((target) => withServers(project, target));
  return { ...balancer, targets };
}

function withServers(project: Project, target: Json): Json {
  const selector = textAt(target, 'label_selector', 'selector');
  if (!isObject(target) || selector === undefined) return target;
  const servers = project.all('servers').filter((server) => selects(selector, server));
  const targets = servers.map((server) => ({
    type: 'server',
    server: { id: server['id'] },
    use_private_ip: target['use_private_ip'],
    health_status: [],
  }));
  return { ...target, targets };
}

function create(asked: Asked): JsonObject {
  const { project, body } = asked;
  project.unique('load_balancers', 'name', body['name']);
  const own = project.id();
  const location = locations.find(({ name }) => name === body['location']);
  const type = loadBalancerTypes.find(
    (one) => one['name'] === body['load_balancer_type'] || one['id'] === body['load_balancer_type'],
  );
  if (location === undefined || type === undefined)
    throw new ApiError(422, 'invalid_input', 'unknown location or load_balancer_type');
  project.put('load_balancers', {
    ...created,
    id: own,
    name: text(body, 'name'),
    public_net: {
      enabled: true,
      ipv4: { ip: `192.0.2.${own % 250}`, dns_ptr: 'lb.example' },
      ipv6: { ip: `2001:db8:1b:${own.toString(16)}::1`, dns_ptr: 'lb.example' },
    },
    private_net: [],
    location,
    load_balancer_type: type,
    labels: labelsOf(body),
    services: [],
    targets: [],
    algorithm: body['algorithm'] ?? { type: 'round_robin' },
    included_traffic: 0,
    outgoing_traffic: null,
    ingoing_traffic: null,
  });
  return {
    load_balancer: view(asked, project.get('load_balancers', own)),
    action: project.action('create_load_balancer', 'load_balancer', own),
  };
}

/** An action that changes fields of the balancer. */
function acting(
  command: string,
  change: (balancer: JsonObject, asked: Asked) => JsonObject,
): (asked: Asked) => JsonObject {
  return (asked) => {
    const balancer = asked.project.get('load_balancers', id(asked));
    asked.project.change('load_balancers', id(asked), change(balancer, asked));
    return { action: asked.project.action(command, 'load_balancer', id(asked)) };
  };
}

/** A service as the API shows it, with what it puts in for what was left out. */
function service(body: JsonObject): JsonObject {
  const port = numberAt(body, 'listen_port') ?? 0;
  return {
    proxyprotocol: false,
    destination_port: port,
    health_check: { protocol: 'tcp', port, interval: 15, timeout: 10, retries: 3 },
    ...body,
  };
}

const isOn = (port: Json | undefined) => (one: Json) => isObject(one) && one['listen_port'] === port;

/** A target's own text: what tells it from the others. */
function targetKey(target: Json): string {
  return JSON.stringify([
    textAt(target, 'type'),
    textAt(target, 'label_selector', 'selector'),
    numberAt(target, 'server', 'id'),
    textAt(target, 'ip', 'ip'),
  ]);
}

export const loadBalancers: Routes = {
  'GET /load_balancers': (asked) =>
    page(
      'load_balancers',
      filtered(asked.project.all('load_balancers'), asked.query).map((one) => view(asked, one)),
    ),
  'GET /load_balancers/:id': (asked) => ({
    load_balancer: view(asked, asked.project.get('load_balancers', id(asked))),
  }),
  'POST /load_balancers': create,
  'PUT /load_balancers/:id': (asked) => ({
    load_balancer: view(asked, asked.project.change('load_balancers', id(asked), renamed(asked.body))),
  }),
  'DELETE /load_balancers/:id': (asked) => {
    asked.project.remove('load_balancers', id(asked));
    return undefined;
  },
  'POST /load_balancers/:id/actions/attach_to_network': acting(
    'attach_to_network',
    (balancer, { project, body }) => {
      const network = number(body['network']);
      if (listAt(project.get('networks', network), 'subnets').length === 0)
        throw new ApiError(409, 'no_subnet_available', 'network has no subnet');
      return { private_net: [...listAt(balancer, 'private_net'), { network, ip: body['ip'] ?? '10.0.0.5' }] };
    },
  ),
  'POST /load_balancers/:id/actions/detach_from_network': acting(
    'detach_from_network',
    (balancer, { body }) => ({
      private_net: listAt(balancer, 'private_net').filter(
        (net) => !(isObject(net) && net['network'] === body['network']),
      ),
    }),
  ),
  'POST /load_balancers/:id/actions/add_service': acting('add_service', (balancer, { body }) => {
    const services = listAt(balancer, 'services');
    if (services.some(isOn(body['listen_port'])))
      throw new ApiError(409, 'source_port_already_used', 'listen port is in use');
    return { services: [...services, service(body)] };
  }),
  'POST /load_balancers/:id/actions/update_service': acting('update_service', (balancer, { body }) => ({
    services: listAt(balancer, 'services').map((one) =>
      isOn(body['listen_port'])(one) && isObject(one) ? { ...one, ...body } : one,
    ),
  })),
  'POST /load_balancers/:id/actions/delete_service': acting('delete_service', (balancer, { body }) => ({
    services: listAt(balancer, 'services').filter((one) => !isOn(body['listen_port'])(one)),
  })),
  'POST /load_balancers/:id/actions/add_target': acting('add_target', (balancer, { body }) => {
    if (body['use_private_ip'] === true && listAt(balancer, 'private_net').length === 0)
      throw new ApiError(
        422,
        'load_balancer_not_attached_to_network',
        'load balancer is not attached to a network',
      );
    const target = { ...body, health_status: [], use_private_ip: body['use_private_ip'] === true };
    return { targets: [...listAt(balancer, 'targets'), target] };
  }),
  'POST /load_balancers/:id/actions/remove_target': acting('remove_target', (balancer, { body }) => ({
    targets: listAt(balancer, 'targets').filter((target) => targetKey(target) !== targetKey(body)),
  })),
  'POST /load_balancers/:id/actions/change_algorithm': acting('change_algorithm', (_, { body }) => ({
    algorithm: body,
  })),
  'POST /load_balancers/:id/actions/change_protection': acting('change_protection', (_, { body }) => ({
    protection: body,
  })),
  'POST /load_balancers/:id/actions/enable_public_interface': acting('enable_public_interface', () => ({})),
};
