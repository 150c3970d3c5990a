/** A gRPC server on an address, and its way down. */
import type { Server, ServerCredentials } from '@grpc/grpc-js';
import { cannotListen, formatAddress, parseAddress } from './address.ts';

/**
 * Binds the server.
 * @param what listens, for the message.
 * @returns the port, also when the address left the choice open.
 * @throws with address and cause when it cannot be bound.
 */
export async function listen(
  server: Server,
  what: string,
  address: string,
  credentials: ServerCredentials,
): Promise<number> {
  const target = formatAddress(parseAddress(address));
  return await new Promise((resolve, reject) => {
    server.bindAsync(target, credentials, (error, port) => {
      if (error === null) resolve(port);
      else reject(cannotListen(what, address, causeOf(error)));
    });
  });
}

/** What the system said, out of the sentence that grpc-js puts around it. */
function causeOf(error: Error): string {
  return /errors: \[(.*)\]$/.exec(error.message)?.[1] ?? error.message;
}

/**
 * Takes no new call and waits for those under way, but no longer than the deadline; then it cuts them.
 * @returns whether all of them came to their end.
 */
export async function drain(server: Server, seconds: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const timer = setTimeout(() => {
      server.forceShutdown();
      resolve(false);
    }, seconds * 1000);
    server.tryShutdown(() => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}
