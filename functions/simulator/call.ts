/** Ways to call the function: over gRPC, as Crossplane does, or in the same process with the same bytes. */
import {
  FunctionRunnerServiceService,
  type RunFunctionRequest,
  type RunFunctionResponse,
} from '@crossplane-org/function-sdk-typescript';
import { Client, credentials } from '@grpc/grpc-js';
import { decodeRequest, decodeResponse, encodeResponse } from '../server/wire.ts';
import type { Call } from './request.ts';

export interface Connection {
  readonly call: Call;
  close(): void;
}

const { path, requestSerialize } = FunctionRunnerServiceService.runFunction;

/** A connection in plain text, for a server on loopback. Responses may be as large as Crossplane takes them. */
export function connect(target: string): Connection {
  const client = new Client(target, credentials.createInsecure());
  return {
    call: (request) =>
      new Promise((resolve, reject) => {
        client.makeUnaryRequest(path, requestSerialize, decodeResponse, request, (error, response) => {
          if (error !== null) reject(error);
          else if (response === undefined) reject(new Error('the function answered nothing'));
          else resolve(response);
        });
      }),
    close: () => {
      client.close();
    },
  };
}

/** Calls a function in this process through the same encoding, so that nothing but values passes. */
export function inProcess(run: (request: RunFunctionRequest) => RunFunctionResponse): Call {
  return (request) => {
    const received = decodeRequest(requestSerialize(request));
    return Promise.resolve(decodeResponse(encodeResponse(run(received))));
  };
}
