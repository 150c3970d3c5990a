/** Leases on the management cluster. Source: Kubernetes' own leader election, client-go v0.36 (2026). */
import {
  V1Lease,
  V1LeaseSpec,
  V1MicroTime,
  V1ObjectMeta,
  type CoordinationV1Api,
} from '@kubernetes/client-node';
import { answer } from './kubernetes-answer.ts';
import type { Leases, Ref } from './store.ts';

export class KubernetesLeases implements Leases {
  readonly #api: CoordinationV1Api;
  readonly #now: () => Date;

  constructor(api: CoordinationV1Api, now: () => Date = () => new Date()) {
    this.#api = api;
    this.#now = now;
  }

  async hold(ref: Ref, holder: string, seconds: number): Promise<string | undefined> {
    const lease = await this.#read(ref);
    const other = lease === undefined ? undefined : this.#otherHolder(lease, holder);
    if (other !== undefined) return other;
    // Somebody may have been quicker: then the next look says who.
    return (await this.#write(ref, lease, holder, seconds)) ? undefined : 'another';
  }

  async release(ref: Ref, holder: string): Promise<void> {
    const lease = await this.#read(ref);
    if (lease?.spec?.holderIdentity === holder) await this.#write(ref, lease, '', 1);
  }

  #otherHolder(lease: V1Lease, holder: string): string | undefined {
    const { holderIdentity = '', renewTime, leaseDurationSeconds = 0 } = lease.spec ?? new V1LeaseSpec();
    if (holderIdentity === '' || holderIdentity === holder || renewTime === undefined) return undefined;
    // The client gives the text that it gets, whatever its types say (@kubernetes/client-node 1.4.0).
    const until = new Date(renewTime).getTime() + leaseDurationSeconds * 1000;
    return until > this.#now().getTime() ? holderIdentity : undefined;
  }

  async #read(ref: Ref): Promise<V1Lease | undefined> {
    return answer(`read Lease "${ref.namespace}/${ref.name}"`, () => this.#api.readNamespacedLease(ref), [
      [404, undefined],
    ]);
  }

  /** @returns false when somebody else has written it meanwhile. */
  #write(
    { namespace, name }: Ref,
    before: V1Lease | undefined,
    holder: string,
    seconds: number,
  ): Promise<boolean> {
    const body = Object.assign(before ?? new V1Lease(), {
      metadata: before?.metadata ?? Object.assign(new V1ObjectMeta(), { namespace, name }),
      spec: Object.assign(new V1LeaseSpec(), {
        holderIdentity: holder,
        leaseDurationSeconds: seconds,
        renewTime: new V1MicroTime(this.#now().getTime()),
      }),
    });
    return answer(
      `write Lease "${namespace}/${name}"`,
      async () => {
        if (before === undefined) await this.#api.createNamespacedLease({ namespace, body });
        else await this.#api.replaceNamespacedLease({ namespace, name, body });
        return true;
      },
      [[409, false]],
    );
  }
}
