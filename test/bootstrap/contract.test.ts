import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Input, isOwn, ownerLabels } from '../../functions/bootstrap/contract.ts';
import inputs from './inputs-0.1.json' with { type: 'json' };

const acme = { claim: { namespace: 'acme-platform', name: 'acme' } };

describe('Jobs of an older release', () => {
  it.each(inputs)('are read still, for where their machines are: $operation', (input) => {
    expect(Input.safeParse(input)).toMatchObject({ success: true, data: { target: input.target } });
  });
});

it('What the documentation says of an uninstall is an input, and names no result: its ConfigMap left with the machine', () => {
  const [, text = ''] = /```json\n([^`]*)```/.exec(readFileSync('docs/bootstrap.md', 'utf8')) ?? [];
  const { success, data } = Input.safeParse(JSON.parse(text));
  expect(success).toBe(true);
  expect(data).toMatchObject({ operation: 'uninstall' });
  expect(data).not.toHaveProperty('result');
});

describe('Secrets that outlive a claim', () => {
  it('say whose they are', () => {
    expect(ownerLabels(acme)).toEqual({
      'crossplane.io/claim-namespace': 'acme-platform',
      'crossplane.io/claim-name': 'acme',
    });
    expect(ownerLabels({})).toEqual({});
  });

  it.each([
    ['the same claim, made again', acme, acme, true],
    ['a claim of that name elsewhere', acme, { claim: { namespace: 'evil', name: 'acme' } }, false],
    ['another claim of the namespace', acme, { claim: { namespace: 'acme-platform', name: 'other' } }, false],
    ['a composite without a claim', acme, {}, false],
    ['a claim, when a composite without one made them', {}, acme, false],
    ['a composite without a claim, made again', {}, {}, true],
  ])('are taken over by %s: %#', (_, former, present, own) => {
    expect(isOwn(present, { app: 'any', ...ownerLabels(former) })).toBe(own);
  });

  it('are not taken over where nothing says whose they are', () => {
    expect(isOwn(acme, undefined)).toBe(false);
  });
});
