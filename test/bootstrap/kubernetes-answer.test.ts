import { ApiException } from '@kubernetes/client-node';
import { describe, expect, it } from 'vitest';
import { EXIT } from '../../functions/bootstrap/contract.ts';
import { answer } from '../../functions/bootstrap/kubernetes-answer.ts';
import { failureOf } from './scripted.ts';

const refusal = (code: number, body: unknown = '') => new ApiException(code, 'refused', body, {});
const asked = (error: Error) =>
  answer<string | undefined>('read Secret "a/b"', () => Promise.reject(error), [[404, undefined]]);

describe('an API server that refuses', () => {
  it('says what is an answer', async () => {
    await expect(asked(refusal(404))).resolves.toBeUndefined();
  });

  it.each([
    [
      'with its reason, of one line',
      refusal(403, '{"message":"forbidden: a\\nb"}'),
      'the API server answers 403, forbidden: a',
    ],
    [
      'with what it was sent, which is not said',
      refusal(422, 'data: c2VjcmV0'),
      'the API server answers 422',
    ],
    ['without a word', refusal(500), 'the API server answers 500'],
    ['since nobody answers', new Error('connect ECONNREFUSED'), 'connect ECONNREFUSED'],
  ])('%s is a failure', async (_, error, words) => {
    const failure = await failureOf(asked(error));
    expect({ code: failure.code, message: failure.message }).toEqual({
      code: EXIT.remote,
      message: `cannot read Secret "a/b": ${words}`,
    });
  });
});
