import { describe, expect, it } from 'vitest';
import { kubeconfigText } from '../../functions/bootstrap/operations/kubeconfig.ts';
import { Redactor } from '../../functions/bootstrap/redact.ts';
import { target } from './scripted.ts';

const TOKEN = 'eyJhbGciOiJSUzI1NiJ9.e30.c2lnbmF0dXJl';
const kubeconfig = kubeconfigText(
  { target: target('server-1'), context: 'acme-x7k2p' },
  { token: TOKEN, authority: 'a certificate' },
);

describe('what is never said', () => {
  it.each([
    ['a short key of a store', { secretAccessKey: 'minio123' }, 'refused: minio123', 'refused: ***'],
    ['a value with an end of line', { server: 'correct-horse\n' }, 'token correct-horse', 'token ***'],
    [
      'a line of a private key',
      { id_ed25519: 'first of a key ---\nsecond of a key --' },
      'second of a key --',
      '***',
    ],
    ['the token in a kubeconfig, by itself too', { kubeconfig }, `Bearer ${TOKEN}`, 'Bearer ***'],
    [
      'one value that begins with another',
      { a: 'password', b: 'password-and-more' },
      'password-and-more',
      '***',
    ],
  ])('%s', (_, data, text, want) => {
    const redactor = new Redactor();
    redactor.learn(data);
    expect(redactor.clean(text)).toBe(want);
  });

  it.each([
    ['a value that is a word of any text', { password: 'no' }, 'no such node'],
    ['the grammar and the names of a kubeconfig', { kubeconfig }, 'kind: Config of "acme-x7k2p"'],
    ['what anybody may see', { cluster: '{"node":"server-1"}' }, '{"node":"server-1"}'],
  ])('but %s is', (_, data, text) => {
    const redactor = new Redactor();
    redactor.learn(data);
    expect(redactor.clean(text)).toBe(text);
  });
});
