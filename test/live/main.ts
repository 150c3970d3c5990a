/** `npm run live`: the same as the tests run on, for a person, until Ctrl-C. */
import { dirname } from 'node:path';
import { toolPath } from '../../tools/build.ts';
import { startLive } from './live.ts';

const started = Date.now();
const say = (line: string) => {
  process.stdout.write(`${Math.round((Date.now() - started) / 1000)} s: ${line}\n`);
};

const live = await startLive(say);
process.stdout.write(`
export PATH="${dirname(await toolPath('kubectl'))}:$PATH"
export KUBECONFIG=${live.control.kubeconfig}
kubectl apply --filename examples/minimal.yaml
kubectl get openovaclusters --all-namespaces --watch
kubectl get managed
kubectl delete --filename examples/minimal.yaml

Logs are in ${live.logs}. Ctrl-C ends all of it.
`);
let ending = false;
/** @param code is 1 where nobody asked for the end. */
const end = (code: 0 | 1) => {
  if (ending) return;
  ending = true;
  clearInterval(timer);
  live
    .stop()
    .then(() => code)
    .catch(failed)
    .then((last) => process.exit(last), failed);
};
const failed = (error: unknown): 1 => {
  say(error instanceof Error ? error.message : String(error));
  return 1;
};
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => {
    end(0);
  });
const timer = setInterval(() => {
  live.check().catch((error: unknown) => {
    end(failed(error));
  });
}, 2000);
