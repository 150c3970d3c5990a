/** Networks and their subnets. */
import { isObject, listAt, type JsonObject } from '../../../functions/kernel/manifest.ts';
import { ApiError } from './state.ts';
import { created, filtered, id, labelsOf, page, renamed, text, type Asked, type Routes } from './routes.ts';

const view = ({ project }: Asked, network: JsonObject): JsonObject => ({
  ...network,
  servers: usersOf(project.all('servers'), network['id']),
  load_balancers: usersOf(project.all('load_balancers'), network['id']),
});

function usersOf(things: readonly JsonObject[], network: unknown): number[] {
  return things
    .filter((thing) =>
      listAt(thing, 'private_net').some((net) => isObject(net) && net['network'] === network),
    )
    .flatMap((thing) => (typeof thing['id'] === 'number' ? [thing['id']] : []));
}

function refuseWhileUsed(asked: Asked, what: string): void {
  const { servers, load_balancers } = view(asked, asked.project.get('networks', id(asked)));
  if (Array.isArray(servers) && Array.isArray(load_balancers) && servers.length + load_balancers.length > 0)
    throw new ApiError(409, 'resource_in_use', `${what} is still in use`);
}

export const networks: Routes = {
  'GET /networks': (asked) =>
    page(
      'networks',
      filtered(asked.project.all('networks'), asked.query).map((network) => view(asked, network)),
    ),
  'GET /networks/:id': (asked) => ({ network: view(asked, asked.project.get('networks', id(asked))) }),
  'POST /networks': (asked) => {
    const { project, body } = asked;
    project.unique('networks', 'name', body['name']);
    const network = project.put('networks', {
      ...created,
      id: project.id(),
      name: text(body, 'name'),
      ip_range: text(body, 'ip_range'),
      labels: labelsOf(body),
      subnets: [],
      routes: [],
      expose_routes_to_vswitch: body['expose_routes_to_vswitch'] === true,
    });
    return { network: view(asked, network) };
  },
  'PUT /networks/:id': (asked) => ({
    network: view(asked, asked.project.change('networks', id(asked), renamed(asked.body))),
  }),
  'DELETE /networks/:id': (asked) => {
    refuseWhileUsed(asked, 'network');
    asked.project.remove('networks', id(asked));
    return undefined;
  },
  'POST /networks/:id/actions/add_subnet': (asked) => {
    const { project, body } = asked;
    const range = text(body, 'ip_range');
    const subnet = {
      type: text(body, 'type'),
      ip_range: range,
      network_zone: text(body, 'network_zone'),
      gateway: `${range.split('.')[0] ?? ''}.0.0.1`,
      vswitch_id: null,
    };
    const network = project.get('networks', id(asked));
    project.change('networks', id(asked), { subnets: [...listAt(network, 'subnets'), subnet] });
    return { action: project.action('add_subnet', 'network', id(asked)) };
  },
  'POST /networks/:id/actions/delete_subnet': (asked) => {
    const { project, body } = asked;
    refuseWhileUsed(asked, 'subnet');
    const left = listAt(project.get('networks', id(asked)), 'subnets').filter(
      (subnet) => !(isObject(subnet) && subnet['ip_range'] === body['ip_range']),
    );
    project.change('networks', id(asked), { subnets: left });
    return { action: project.action('delete_subnet', 'network', id(asked)) };
  },
};
