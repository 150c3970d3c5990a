/** docs/catalogue.md, made of the declarations. */
import { dns } from '../apis/fields.ts';
import { dnsProviders } from '../dns/index.ts';
import { DNS_SECRET, type Credentials } from '../dns/provider.ts';
import { RELEASE } from '../release.ts';
import { CATEGORIES, PROFILES, SLOTS, type Component } from './component.ts';
import { catalogue } from './index.ts';
import { ARCHIVAL_SECRET, GATEWAY, ISSUER } from './names.ts';
import { ARCHIVAL_KEYS } from './openova-system.ts';

/** The text of `docs/catalogue.md`. */
export function catalogueDocs(): string {
  const lines = [
    '<!-- Generated from functions/catalogue: npm run generate -->',
    '',
    '# Components',
    '',
    `What release ${RELEASE} of the platform can install in a region. \`spec.platform.components.<id>\` of a claim switches`,
    'one on or off, and its `values` are merged over ours: objects by key, lists replaced; the last word is yours. Of a',
    'component without a chart, `values` is the spec of its object.',
    '',
    ...CATEGORIES.flatMap(section),
    '## Profiles',
    '',
    'What `spec.platform.profile` switches on, where it fits the region:',
    '',
    ...PROFILES.map((profile) => `- **${profile}**: ${idsFrom(profile)}`),
    '',
    '## Choices',
    '',
    'Fields of `spec.platform`. What is not available yet is refused with a message that says so.',
    '',
    '| Field | Available |',
    '|---|---|',
    ...SLOTS.map((slot) => `| \`${slot}\` | ${variants(slot) || '—'} |`),
    '',
    '## Names to refer to',
    '',
    `- Gateway \`${GATEWAY.name}\` in namespace \`${GATEWAY.namespace}\`, for \`parentRefs\` of routes`,
    `- ClusterIssuer \`${ISSUER}\`, for Certificates of your own`,
    '- StorageClass `hcloud-volumes` on Hetzner, the default',
    `- Secret \`${DNS_SECRET}\` in \`cert-manager\` and \`external-dns\`, Secret \`${ARCHIVAL_SECRET}\` in \`openova-system\`: what the`,
    '  Secrets hold that the claim names',
    '',
    '## Secrets of the claim',
    '',
    "They lie in the claim's namespace, and their values become values of the one Helm release `openova-system` in the region:",
    'no object of the control plane shows them. Each is one line without comma and backslash, but for JSON. A changed value is',
    'in the region within ten minutes; pods that read it as a variable want a restart (`kubectl -n kube-system rollout restart',
    'deployment hcloud-cloud-controller-manager hcloud-csi-controller`).',
    '',
    '| Field | Keys |',
    '|---|---|',
    '| `cloud.tokenSecretRef` | `token` |',
    ...Object.values(dnsProviders).map(
      ({ id, credentials }) =>
        `| \`dns.secretRef\`, ${id} | ${keysOf(credentials(dns().parse({ provider: id, zone: 'example.com' })))} |`,
    ),
    ...Object.entries(ARCHIVAL_KEYS).map(
      ([id, keys]) => `| \`archival.secretRef\`, ${id} | ${keysOf(keys)} |`,
    ),
    '',
    '## Adding one',
    '',
    'One new file in `functions/catalogue`, then `npm run generate`. `test/catalogue/contract.test.ts` holds it to what every',
    'component must keep; `test/catalogue/derive.ts` writes the table of the values that its chart has.',
    '',
  ];
  return lines.join('\n');
}

function keysOf({ keys, json }: Credentials): string {
  return [...keys.map((key) => `\`${key}\``), ...(json === undefined ? [] : [`\`${json}\` (JSON)`])].join(
    ', ',
  );
}

function section(category: (typeof CATEGORIES)[number]): string[] {
  const members = sorted(catalogue.filter((component) => component.category === category));
  if (members.length === 0) return [];
  return [
    `## ${category.charAt(0).toUpperCase()}${category.slice(1)}`,
    '',
    '| Id | What it is | On | Needs | Chart | MiB |',
    '|---|---|---|---|---|---|',
    ...members.map(row),
    '',
  ];
}

function row(component: Component): string {
  const { id, summary, needs, chart } = component;
  const cells = [
    `\`${id}\``,
    summary,
    when(component),
    needs.map((need) => `\`${need}\``).join(', ') || '—',
    chart === undefined ? '—' : `${chart.name} ${chart.version}`,
    memory(component),
  ];
  return `| ${cells.join(' | ')} |`;
}

function when({ profile, fit, usedBy }: Component): string {
  const on =
    profile === undefined
      ? usedBy === undefined
        ? 'on request'
        : 'while a data service needs it'
      : `from ${profile}`;
  return fit === undefined ? on : `${on}; needs ${fit.needs}`;
}

function memory({ memory: { perNode, fixed, ha } }: Component): string {
  const once = ha === undefined || ha === fixed ? `${fixed}` : `${fixed}, twice ${ha}`;
  if (perNode === 0) return once;
  return `${perNode} per machine${fixed === 0 ? '' : ` + ${once}`}`;
}

function idsFrom(profile: (typeof PROFILES)[number]): string {
  const added = catalogue.filter((component) => component.profile === profile).map(({ id }) => `\`${id}\``);
  const base = PROFILES[PROFILES.indexOf(profile) - 1];
  return [
    ...(base === undefined ? [] : [`all of ${base}`]),
    ...(added.length === 0 ? ['nothing more in this release'] : added.sort()),
  ].join(', ');
}

function variants(slot: (typeof SLOTS)[number]): string {
  const found = catalogue.flatMap((component) =>
    component.slot?.name === slot ? [component.slot.variant] : [],
  );
  return [...new Set([...found, ...(slot === 'registry' ? ['none'] : [])])]
    .sort()
    .map((variant) => `\`${variant}\``)
    .join(', ');
}

function sorted(components: readonly Component[]): Component[] {
  return [...components].sort((left, right) => (left.id < right.id ? -1 : 1));
}
