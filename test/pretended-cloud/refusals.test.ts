/** What the cloud of the live runs refuses as Hetzner's does: without it a live run would prove less than it says. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { at, textAt, type JsonObject } from '../../functions/kernel/manifest.ts';
import { startHcloud, type Hcloud } from '../live/hcloud/server.ts';
import { Project } from '../live/hcloud/state.ts';
import { asJson } from '../live/kube.ts';

const TOKEN = 'right';
const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIP8= someone';
const wanted = { name: 'new', server_type: 'cx33', location: 'fsn1', image: 'ubuntu-24.04' };

const project = new Project(() => '198.51.100.1');
let cloud: Hcloud;
beforeAll(async () => {
  project.soldOut.add('cx23/fsn1');
  project.put('networks', { id: 1, name: 'used', subnets: [] });
  project.put('networks', { id: 2, name: 'free', subnets: [] });
  project.put('servers', { id: 3, name: 'runs', status: 'running', private_net: [{ network: 1 }] });
  project.put('servers', { id: 4, name: 'stopped', status: 'off', private_net: [] });
  project.put('firewalls', { id: 5, name: 'applied', applied_to: [{ type: 'server' }] });
  cloud = await startHcloud(TOKEN, project);
  await ask('POST', '/ssh_keys', { name: 'first', public_key: KEY });
});
afterAll(() => {
  cloud.close();
});

async function ask(method: string, path: string, body?: JsonObject, token = TOKEN) {
  const headers = { authorization: `Bearer ${token}` };
  const answer = await fetch(`${cloud.url}${path}`, {
    method,
    headers,
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  const said = text === '' ? null : asJson(JSON.parse(text));
  return { status: answer.status, code: textAt(at(said, 'error'), 'code') };
}

describe('the pretended cloud', { concurrent: true }, () => {
  it.each<[reason: string, method: string, path: string, body: JsonObject | undefined, refusal: string]>([
    ['a network that a server is in', 'DELETE', '/networks/1', undefined, '409 resource_in_use'],
    ['a firewall that is applied', 'DELETE', '/firewalls/5', undefined, '409 resource_in_use'],
    [
      'a second of one name',
      'POST',
      '/networks',
      { name: 'used', ip_range: '10.0.0.0/16' },
      '409 uniqueness_error',
    ],
    [
      'a key a second time, under another name and with another comment',
      'POST',
      '/ssh_keys',
      { name: 'second', public_key: KEY.replace('someone', 'else') },
      '409 uniqueness_error',
    ],
    ['a type that there is not', 'POST', '/servers', { ...wanted, server_type: 'cx99' }, '422 invalid_input'],
    [
      'a type that is sold out',
      'POST',
      '/servers',
      { ...wanted, server_type: 'cx23' },
      '412 resource_unavailable',
    ],
    [
      'another type while a server runs',
      'POST',
      '/servers/3/actions/change_type',
      { server_type: 'cx43' },
      '422 server_not_stopped',
    ],
    ['what is not there', 'GET', '/servers/99', undefined, '404 not_found'],
  ])('refuses %s', async (_, method, path, body, refusal) => {
    const { status, code } = await ask(method, path, body);

    expect(`${status} ${code ?? ''}`).toBe(refusal);
  });

  it('refuses a token that is not its own', async () => {
    expect(await ask('GET', '/servers', undefined, 'wrong')).toEqual({ status: 401, code: 'unauthorized' });
  });

  it.each<[reason: string, method: string, path: string, body: JsonObject | undefined, status: number]>([
    ['a network that nobody is in', 'DELETE', '/networks/2', undefined, 204],
    [
      'another type of a stopped server',
      'POST',
      '/servers/4/actions/change_type',
      { server_type: 'cx43' },
      201,
    ],
  ])('takes %s', async (_, method, path, body, status) => {
    expect(await ask(method, path, body)).toEqual({ status, code: undefined });
  });

  it('remembers every call with the name of what it was about', async () => {
    await ask('PUT', '/servers/3', { labels: {} });

    expect(project.calls).toContainEqual(
      expect.objectContaining({ method: 'PUT', path: '/servers/3', status: 200, about: 'runs' }),
    );
  });
});
