/** Tokens, client key pair and the Secret for host keys: made once, never overwritten. */
import { randomBytes } from 'node:crypto';
import ssh2 from 'ssh2';
import { isOwn, ownerLabels } from '../contract.ts';
import { Failure } from '../failure.ts';
import type { InputOf, Outcome, Run } from '../run.ts';
import type { Ref, Secret } from '../store.ts';

type Input = InputOf<'prepare'>;

const STEP_SECONDS = 60;
/** Bytes of randomness of a token. */
const TOKEN_BYTES = 32;

export async function prepare(run: Run, input: Input): Promise<Outcome> {
  const { tokens, ssh, hostKeys } = input.secrets;
  return run.step('make tokens and keys', STEP_SECONDS, async () => {
    const restored = await restoredToken(run, input);
    const kept = await ensure(run, input, tokens, ['agent', 'server'], () => ({
      server: restored ?? randomToken(),
      agent: randomToken(),
    }));
    if (restored !== undefined && kept['server'] !== restored)
      throw Failure.input(
        `the Secret "${input.namespace}/${tokens}" has another server token than restoreFrom gives`,
        { hint: 'restoreFrom is for a region that is made; this one has been made before' },
      );
    const { public: publicKey } = await ensure(run, input, ssh, ['id_ed25519', 'public'], () =>
      keyPair(input.region),
    );
    await ensure(run, input, hostKeys, [], () => ({}));
    return { ...(publicKey !== undefined && { publicKey }) };
  });
}

/** The data of a Secret that is our own, made where there is none. */
async function ensure(
  run: Run,
  input: Input,
  name: string,
  keys: readonly string[],
  make: () => Record<string, string>,
): Promise<Readonly<Record<string, string>>> {
  const ref = { namespace: input.namespace, name };
  const found = await run.store.secret(ref);
  if (found !== undefined) return own(input, ref, found, keys);
  const data = make();
  if (await run.store.create(ref, { labels: ownerLabels(input), data })) return data;
  const made = await run.store.secret(ref);
  if (made === undefined) throw Failure.remote(`the Secret "${ref.namespace}/${name}" comes and goes`);
  return own(input, ref, made, keys);
}

function own(
  input: Input,
  { namespace, name }: Ref,
  { labels, data }: Secret,
  keys: readonly string[],
): Readonly<Record<string, string>> {
  if (!isOwn(input, labels))
    throw Failure.input(`the Secret "${namespace}/${name}" belongs to ${ownerIn(labels)}`, {
      hint: 'take another name, or delete that Secret when nothing that was made with it is needed, snapshots of etcd too',
    });
  const missing = keys.filter((key) => data[key] === undefined);
  if (missing.length > 0)
    throw Failure.input(
      `the Secret "${namespace}/${name}" lacks ${missing.map((key) => `"${key}"`).join(' and ')}`,
      { hint: 'it is never made over: put back what it had, or delete it when no machine was made with it' },
    );
  return data;
}

function ownerIn(labels: Readonly<Record<string, string>>): string {
  const [namespace, name] = Object.values(
    ownerLabels({
      claim: {
        namespace: labels['crossplane.io/claim-namespace'] ?? '',
        name: labels['crossplane.io/claim-name'] ?? '',
      },
    }),
  );
  return name === '' ? 'a composite without a claim' : `the claim "${namespace ?? ''}/${name ?? ''}"`;
}

/** The password of the token that a snapshot was made with; its first part names an authority that the snapshot brings. */
async function restoredToken(run: Run, { restoreToken: ref }: Input): Promise<string | undefined> {
  if (ref === undefined) return undefined;
  const token = (await run.store.secret(ref))?.data['token']?.trim();
  if (token === undefined || token === '')
    throw Failure.input(`there is no Secret "${ref.namespace}/${ref.name}" with a key "token"`, {
      hint: 'restoreFrom.tokenSecretRef names it: the server token of the cluster that the snapshot is of',
    });
  return token.split(':').at(-1) ?? token;
}

function randomToken(): string {
  return randomBytes(TOKEN_BYTES).toString('hex');
}

/** One in two hundred keys that ssh2 1.17.0 makes it cannot read itself: another one is made. */
function keyPair(region: string): { id_ed25519: string; public: string } {
  const pair = ssh2.utils.generateKeyPairSync('ed25519', { comment: `openova ${region}` });
  if (ssh2.utils.parseKey(pair.private) instanceof Error) return keyPair(region);
  return { id_ed25519: pair.private, public: pair.public };
}
