/** Calls of an API server, and its refusals in the words of the program. */
import { ApiException } from '@kubernetes/client-node';
import { Failure } from './failure.ts';

/**
 * What a call comes to.
 * @param what it does, such as `read Secret "a/b"`.
 * @param meaning of refusals that are an answer, by their code.
 * @throws Failure remote for any other refusal, and where nobody answers.
 */
export async function answer<T>(
  what: string,
  call: () => Promise<T>,
  meaning: readonly [code: number, T][] = [],
): Promise<T> {
  try {
    return await call();
  } catch (error) {
    const meant = meaning.find(([code]) => error instanceof ApiException && error.code === code);
    if (meant !== undefined) return meant[1];
    throw Failure.remote(`cannot ${what}: ${refusalOf(error)}`);
  }
}

/** Why it did not go well: never the body of a request. */
function refusalOf(error: unknown): string {
  if (error instanceof ApiException) {
    const message = messageIn(error.body);
    return `the API server answers ${error.code}${message === undefined ? '' : `, ${message}`}`;
  }
  return error instanceof Error ? error.message : String(error);
}

function messageIn(body: unknown): string | undefined {
  try {
    const status: unknown = typeof body === 'string' ? JSON.parse(body) : body;
    const message =
      typeof status === 'object' && status !== null && 'message' in status ? status.message : '';
    return typeof message === 'string' && message !== '' ? message.split('\n')[0] : undefined;
  } catch {
    return undefined;
  }
}
