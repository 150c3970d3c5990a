/** grpc.health.v1.Health on a port of its own: probes of Kubernetes have no client certificate. */
import { FunctionRunnerServiceService } from '@crossplane-org/function-sdk-typescript';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { listen } from './listen.ts';

export interface Health {
  readonly port: number;
  /** Answers NOT_SERVING from now on. */
  leave(): void;
  stop(): void;
}

/** `apiextensions.fn.proto.v1.FunctionRunnerService`; probes that name no service ask for the server as a whole. */
export const SERVICE = FunctionRunnerServiceService.runFunction.path.split('/')[1] ?? '';

/** Starts after the function itself, so that an answer means that calls are served. */
export async function startHealth(address: string): Promise<Health> {
  // Loaded here because its protobuf reflection costs 60 ms, by when the function already serves.
  const { HealthImplementation } = await import('grpc-health-check');
  const health = new HealthImplementation({ '': 'SERVING', [SERVICE]: 'SERVING' });
  const server = new Server();
  health.addToServer(server);
  const port = await listen(server, 'health', address, ServerCredentials.createInsecure());
  return {
    port,
    leave: () => {
      health.setStatus('', 'NOT_SERVING');
      health.setStatus(SERVICE, 'NOT_SERVING');
    },
    stop: () => {
      server.forceShutdown();
    },
  };
}
