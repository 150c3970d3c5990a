/** A composition function for one test, on loopback and without TLS. */
import {
  FunctionRunnerServiceService,
  type RunFunctionRequest,
  type RunFunctionResponse,
} from '@crossplane-org/function-sdk-typescript';
import { Server, ServerCredentials, status, type sendUnaryData, type ServerUnaryCall } from '@grpc/grpc-js';

export interface ServedFunction {
  /** Where it listens, such as `127.0.0.1:34567`. */
  readonly target: string;
  close(): void;
}

type Call = ServerUnaryCall<RunFunctionRequest, RunFunctionResponse>;

/** Serves one pure answer; what it throws fails the call. */
export async function serveFunction(
  answer: (request: RunFunctionRequest) => RunFunctionResponse,
): Promise<ServedFunction> {
  const server = new Server();
  server.addService(FunctionRunnerServiceService, {
    runFunction(call: Call, respond: sendUnaryData<RunFunctionResponse>) {
      try {
        respond(null, answer(call.request));
      } catch (error) {
        respond({ code: status.INTERNAL, details: error instanceof Error ? error.message : String(error) });
      }
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  return {
    target: `127.0.0.1:${port}`,
    close: () => {
      server.forceShutdown();
    },
  };
}
