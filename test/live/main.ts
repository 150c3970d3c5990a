/** `npm run live`: the same as the tests run on, for a person, until Ctrl-C. */
import { startLive } from './live.ts';

const started = Date.now();
const say = (line: string) => {
  process.stdout.write(`${Math.round((Date.now() - started) / 1000)} s: ${line}\n`);
};

const live = await startLive(say);
process.stdout.write(`
export KUBECONFIG=${live.control.kubeconfig}
kubectl apply --filename examples/minimal.yaml
kubectl get openovaclusters --all-namespaces --watch
kubectl get managed
kubectl delete --filename examples/minimal.yaml

Logs are in ${live.logs}. Ctrl-C ends all of it.
`);
let ending = false;
const end = () => {
  if (ending) return;
  ending = true;
  clearInterval(timer);
  void live.stop().then(() => process.exit(0));
};
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end);
const timer = setInterval(() => {
  live.check().catch((error: unknown) => {
    say(error instanceof Error ? error.message : String(error));
    end();
  });
}, 2000);
