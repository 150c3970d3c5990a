/** provider-hetzner v0.2.1: what each kind's status says once the cloud has made the thing (read in its CRDs). */
import {
  isObject,
  listAt,
  objectAt,
  textAt,
  type Json,
  type JsonObject,
  type Manifest,
} from '../kernel/manifest.ts';
import { EXTERNAL_NAME_ANNOTATION } from '../kernel/names.ts';
import { ipv4For, ipv6For, macFor, numberFor } from './addresses.ts';
import type { Played } from './play.ts';
import { idOf, type World } from './world.ts';

export function playedHetzner(world: World, object: Manifest): Played {
  const given = object.metadata.annotations?.[EXTERNAL_NAME_ANNOTATION];
  const externalName = given ?? nameAtCloud(world, object);
  const base = { id: externalName };
  const status = (atProvider: JsonObject): Played => ({
    externalName,
    status: { atProvider: { ...base, ...atProvider } },
  });
  const spec = objectAt(object, 'spec', 'forProvider') ?? {};
  switch (object.kind) {
    case 'Server':
      return status(serverStatus(world, object, externalName, spec));
    case 'LoadBalancer':
      return status({ ...publicAddresses(world, object, 'load balancer', ['ipv4', 'ipv6']) });
    case 'Network':
      return status({ name: textAt(spec, 'name') ?? '', ipRange: textAt(spec, 'ipRange') ?? '' });
    case 'Subnet':
      return status({ gateway: (textAt(spec, 'ipRange') ?? '').replace(/\d+\/\d+$/, '1') });
    case 'NetworkAttachment':
      return status({
        ip: textAt(spec, 'ip') ?? '',
        ...(spec['networkId'] && { networkId: spec['networkId'] }),
      });
    case 'SSHKey':
      return status({ name: textAt(spec, 'name') ?? '' });
    default:
      return status({});
  }
}

/** Numbers, but for what is named after the things it joins. */
function nameAtCloud(world: World, object: Manifest): string {
  const spec = objectAt(object, 'spec', 'forProvider') ?? {};
  const text = (field: string) => {
    const value = spec[field];
    return typeof value === 'number' ? String(value) : typeof value === 'string' ? value : '';
  };
  if (object.kind === 'Subnet') return `${text('networkId')}-${text('ipRange')}`;
  if (object.kind === 'LoadBalancerService') return `${text('loadBalancerId')}__${text('listenPort')}`;
  if (object.kind === 'NetworkAttachment') {
    const network = text('networkId') || text('subnetId').split('-')[0];
    return `${text('serverId') || text('loadBalancerId')}-${network ?? ''}`;
  }
  const id = idOf(object);
  return String(numberFor(`${id}#${world.losses.get(id) ?? 0}`));
}

function serverStatus(world: World, object: Manifest, id: string, spec: JsonObject): JsonObject {
  const [net] = listAt(spec, 'publicNet').filter(isObject);
  const wanted = [
    ...(net?.['ipv4Enabled'] === false ? [] : ['ipv4Address']),
    ...(net?.['ipv6Enabled'] === false ? [] : ['ipv6Address']),
  ];
  const addresses = publicAddresses(world, object, 'server', wanted);
  const v6 = addresses['ipv6Address'];
  const networks = listAt(spec, 'network')
    .filter(isObject)
    .map((network): JsonObject => ({
      networkId: network['networkId'],
      ip: network['ip'],
      macAddress: macFor(`${id}/${textAt(network, 'ip') ?? ''}`),
      aliasIps: [],
    }));
  return {
    status: 'running',
    ...addresses,
    ...(v6 !== undefined && { ipv6Network: v6.replace(/1$/, '/64') }),
    ...(networks.length > 0 && { network: networks }),
    ...(spec['placementGroupId'] && { placementGroupId: spec['placementGroupId'] }),
  };
}

/** The addresses that the thing has, or new ones in the order IPv4, IPv6. */
function publicAddresses(
  world: World,
  object: Manifest,
  kind: 'server' | 'load balancer',
  fields: readonly string[],
): Record<string, string> {
  const seed = `${idOf(object)}#${world.losses.get(idOf(object)) ?? 0}`;
  const taken = addressesIn(world, idOf(object));
  return Object.fromEntries(
    fields.map((field) => {
      const before = textAt(object, 'status', 'atProvider', field);
      const fresh = field.includes('6') ? ipv6For(seed, taken) : ipv4For(kind, seed, taken);
      return [field, before ?? fresh];
    }),
  );
}

function addressesIn(world: World, except: string): Set<string> {
  const fields = ['ipv4', 'ipv4Address', 'ipv6', 'ipv6Address'];
  const isText = (value: Json | undefined): value is string => typeof value === 'string';
  return new Set(
    [...world.objects]
      .filter(([id]) => id !== except)
      .flatMap(([, object]) => {
        const atProvider = objectAt(object, 'status', 'atProvider') ?? {};
        return fields.map((field) => atProvider[field]).filter(isText);
      }),
  );
}
