/**
 * The floor: a grpc-js server that decodes the request and encodes the response, the same as ours gives, with the SDK's
 * types, and does nothing in between. Arguments: files that hold one response each.
 */
import { readFileSync } from 'node:fs';
import {
  FunctionRunnerServiceService,
  type RunFunctionRequest,
  type RunFunctionResponse,
} from '@crossplane-org/function-sdk-typescript';
import { Server, ServerCredentials, status, type sendUnaryData, type ServerUnaryCall } from '@grpc/grpc-js';
import { MAX_REQUEST_BYTES } from '../functions/server/limits.ts';
import { listen } from '../functions/server/listen.ts';
import { answerParent } from './child.ts';

type Call = ServerUnaryCall<RunFunctionRequest, RunFunctionResponse>;

/** By the number of observed resources, which is in the file's name. */
const responses = new Map(
  process.argv.slice(2).map((file) => {
    const response = FunctionRunnerServiceService.runFunction.responseDeserialize(readFileSync(file));
    return [Number(/(\d+)\.bin$/.exec(file)?.[1]), response] as const;
  }),
);

const server = new Server({ 'grpc.max_receive_message_length': MAX_REQUEST_BYTES });
server.addService(FunctionRunnerServiceService, {
  runFunction: ({ request }: Call, callback: sendUnaryData<RunFunctionResponse>) => {
    const response = responses.get(Object.keys(request.observed?.resources ?? {}).length);
    if (response === undefined) callback({ code: status.NOT_FOUND, details: 'no response for this request' });
    else callback(null, response);
  },
});
answerParent(await listen(server, 'the floor', '127.0.0.1:0', ServerCredentials.createInsecure()));
