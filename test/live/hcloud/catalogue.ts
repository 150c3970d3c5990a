/** What Hetzner sells: types, places, images. Only what a claim of ours names, made up where nobody reads it. */
import type { JsonObject } from '../../../functions/kernel/manifest.ts';

export const locations: readonly JsonObject[] = [
  ['fsn1', 'DE', 'Falkenstein', 'eu-central'],
  ['nbg1', 'DE', 'Nuremberg', 'eu-central'],
  ['hel1', 'FI', 'Helsinki', 'eu-central'],
  ['ash', 'US', 'Ashburn, VA', 'us-east'],
  ['hil', 'US', 'Hillsboro, OR', 'us-west'],
  ['sin', 'SG', 'Singapore', 'ap-southeast'],
].map(([name = '', country = '', city = '', zone = ''], index) => ({
  id: index + 1,
  name,
  description: city,
  country,
  city,
  latitude: 50,
  longitude: 12,
  network_zone: zone,
}));

export const serverTypes: readonly JsonObject[] = [
  ['cx23', 2, 4, 40, 'shared', 'x86'],
  ['cx33', 4, 8, 80, 'shared', 'x86'],
  ['cx43', 8, 16, 160, 'shared', 'x86'],
  ['cx53', 16, 32, 320, 'shared', 'x86'],
  ['cpx22', 2, 4, 80, 'shared', 'x86'],
  ['cpx32', 4, 8, 160, 'shared', 'x86'],
  ['cpx42', 8, 16, 320, 'shared', 'x86'],
  ['cax11', 2, 4, 40, 'shared', 'arm'],
  ['cax21', 4, 8, 80, 'shared', 'arm'],
  ['ccx13', 2, 8, 80, 'dedicated', 'x86'],
  ['ccx23', 4, 16, 160, 'dedicated', 'x86'],
].map(([name = '', cores = 0, memory = 0, disk = 0, cpu = '', architecture = ''], index) => ({
  id: index + 1,
  name,
  description: name,
  category: 'made up',
  cores,
  memory,
  disk,
  storage_type: 'local',
  cpu_type: cpu,
  architecture,
  deprecated: false,
  deprecation: null,
  prices: [],
  locations: locations.map((location) => ({ id: location['id'], name: location['name'], deprecation: null })),
}));

export const images: readonly JsonObject[] = ['x86', 'arm'].map((architecture, index) => ({
  id: index + 1,
  type: 'system',
  status: 'available',
  name: 'ubuntu-24.04',
  description: 'Ubuntu 24.04',
  image_size: null,
  disk_size: 5,
  created: '2024-04-25T00:00:00+00:00',
  created_from: null,
  bound_to: null,
  os_flavor: 'ubuntu',
  os_version: '24.04',
  rapid_deploy: true,
  protection: { delete: false },
  deprecated: null,
  labels: {},
  deleted: null,
  architecture,
}));

export const loadBalancerTypes: readonly JsonObject[] = ['lb11', 'lb21', 'lb31'].map((name, index) => ({
  id: index + 1,
  name,
  description: name,
  max_connections: 10_000 * (index + 1),
  max_services: 5 * (index + 1),
  max_targets: 25 * (index + 1),
  max_assigned_certificates: 10,
  deprecated: null,
  prices: [],
}));
