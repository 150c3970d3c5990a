import { expect, it } from 'vitest';
import { estimateLines } from '../../functions/cli/estimates.ts';
import type { JsonObject, Manifest } from '../../functions/kernel/manifest.ts';

function composite(kind: string, name: string, estimate: JsonObject, spec: JsonObject = {}): Manifest {
  return {
    apiVersion: 'platform.openova.io/v1alpha1',
    kind,
    metadata: { name: `${name}-local`, labels: { 'crossplane.io/claim-name': name } },
    spec,
    status: { estimate: { pricedAt: '2026-09-29', ...estimate } },
  };
}

const machines = { memoryMiB: { needed: 10240, available: 15360 }, volumesGB: 0, monthlyEUR: '80.00' };
const cluster = composite('XOpenOvaCluster', 'shop', machines);
const region = composite('XOpenOvaRegion', 'shop', machines, { name: 'hel', cluster: { name: 'shop' } });
const orders = composite('XDataService', 'orders', {
  memoryMiB: { needed: 6144 },
  volumesGB: 150,
  monthlyEUR: '8.58',
});
const unpriced = composite('XDataService', 'bills', {
  memoryMiB: { needed: 1024 },
  volumesGB: 10,
  monthlyEUR: 'unknown',
  unpriced: ['volumes of storage class fast'],
});
const lines = (...composites: Manifest[]) =>
  estimateLines(composites, (colour, text) => (colour === 'red' ? `!${text}!` : text));

it('a service is added to the machines that it runs on, whose region is counted once', () => {
  expect(lines(orders, cluster, region)).toEqual([
    'cluster shop      RAM 10.0 GiB needed, 15.0 GiB available  80.00 EUR per month (prices of 2026-09-29)',
    'region hel        RAM 10.0 GiB needed, 15.0 GiB available  80.00 EUR per month (prices of 2026-09-29)',
    'service orders    RAM 6.0 GiB needed, volumes 150 GB  8.58 EUR per month (prices of 2026-09-29)',
    'total             !RAM 16.0 GiB needed, 15.0 GiB available: not enough!, volumes 150 GB  88.58 EUR per month (prices of 2026-09-29)',
  ]);
});

it('a price that is not known is explained, in the total too', () => {
  expect(lines(cluster, unpriced).map((line) => line.split('  ').at(-1))).toEqual([
    '80.00 EUR per month (prices of 2026-09-29)',
    'EUR per month unknown: no price for volumes of storage class fast',
    'EUR per month unknown: no price for volumes of storage class fast',
  ]);
});

it('services alone, and machines alone, have no total', () => {
  expect(lines(orders)).toHaveLength(1);
  expect(lines(region)).toHaveLength(1);
});
