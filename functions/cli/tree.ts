/** What claims become, as a tree: composites, their waves, what each wave makes. */
import { soundService } from '../apis/data-service.ts';
import { specOf } from '../apis/parse.ts';
import { claimOf } from '../data-service/discover.ts';
import { isTrue, textAt, type Manifest } from '../kernel/manifest.ts';
import { CLAIM_NAME_LABEL, CLAIM_NAMESPACE_LABEL } from '../kernel/names.ts';
import { claimsOf, compositeIdOf } from '../simulator/claims.ts';
import { definitionOf } from '../simulator/definitions.ts';
import type { Simulation } from '../simulator/simulate.ts';
import type { World } from '../simulator/world.ts';
import { estimateLines } from './estimates.ts';
import { listed } from './keys.ts';
import { renderedObjects, waveName, type Rendered } from './manifests.ts';
import { DEFINITIONS } from './scene.ts';
import { cut, painter, type Colour, type Paint } from './style.ts';
import { counted } from './words.ts';

export interface TreeOptions {
  /** How a person calls this program. */
  readonly command: string;
  readonly files: readonly string[];
  readonly colour: boolean;
  /** Characters in a line; left out where nobody has to fit it on a screen. */
  readonly columns: number | undefined;
  readonly until: number | undefined;
}

export function treeOf(simulation: Simulation, options: TreeOptions): string {
  const paint = painter(options.colour);
  const objects = renderedObjects(simulation);
  const roots = objects.filter(({ key }) => key === '');
  const trees = roots
    .flatMap((root) => [
      claimLine(simulation, root, paint),
      ...branch(simulation, objects, root, '', paint),
      '',
    ])
    .map((line) => (options.columns === undefined ? line : cut(line, options.columns)));
  return [...trees, ...summary(simulation, objects, paint), next(simulation, options), ''].join('\n');
}

/** `OpenOvaCluster acme in namespace acme-platform` */
function claimLine({ world }: Simulation, root: Rendered, paint: Paint): string {
  const claim = claimsOf(world, DEFINITIONS)
    .map(([id, definition]) => ({ object: world.objects.get(id), definition }))
    .find(
      ({ object, definition }) => object !== undefined && compositeIdOf(object, definition) === root.id,
    )?.object;
  if (claim === undefined) return paint('bold', title(root.manifest));
  return `${paint('bold', title(claim))} in namespace ${claim.metadata.namespace ?? ''}`;
}

function title({ kind, metadata }: Manifest): string {
  return `${kind} ${metadata.name ?? ''}`;
}

/** Keys that one line names; `-o yaml` shows every object. */
const MOST_KEYS = 6;

interface Row {
  readonly wave: number;
  readonly kind: string;
  readonly keys: readonly string[];
  /** The composite that the row is, when it has a branch of its own. */
  readonly composite: Rendered | undefined;
}

/** The lines of a composite and of everything below it. */
function branch(
  simulation: Simulation,
  objects: readonly Rendered[],
  composite: Rendered,
  indent: string,
  paint: Paint,
): string[] {
  const rows = rowsOf(objects, composite);
  const wide = Math.max(0, ...rows.map(({ kind, keys }) => countedKind(kind, keys).length));
  const head = `${indent}${title(composite.manifest)} ${stateOf(simulation, composite, paint)}`;
  return [
    indent === '' ? `└─ ${head}` : head,
    ...rows.flatMap((row, index) => {
      const last = index === rows.length - 1;
      const [edge, pass] = last ? ['└─', '   '] : ['├─', '│  '];
      const inner = indent === '' ? '   ' : indent;
      const lead = `${inner}${paint('dim', edge)} ${paint('dim', waveName(row.wave).replace(/ (\d)$/, '  $1'))}  `;
      if (row.composite !== undefined) {
        const [first = '', ...rest] = branch(
          simulation,
          objects,
          row.composite,
          `${inner}${paint('dim', pass)}`,
          paint,
        );
        return [`${lead}${first.slice(`${inner}${paint('dim', pass)}`.length)}`, ...rest];
      }
      const name = countedKind(row.kind, row.keys).padEnd(wide);
      return [`${lead}${paint(colourOf(row.kind), name)}  ${listed(row.keys, MOST_KEYS)}`];
    }),
  ];
}

function countedKind(kind: string, keys: readonly string[]): string {
  return keys.length > 1 ? `${keys.length} ${kind}` : kind;
}

/** Objects of one kind that came in one wave share a row; a composite has its own. */
function rowsOf(objects: readonly Rendered[], { id }: Rendered): Row[] {
  const rows = new Map<string, Row>();
  for (const object of objects) {
    if (object.composite !== id || object.key === '') continue;
    const { kind } = object.manifest;
    const composite = definitionOf(DEFINITIONS, object.manifest) === undefined ? undefined : object;
    const place = `${String(object.wave).padStart(4, '0')} ${composite === undefined ? 'a' : 'b'} ${kind} ${composite?.key ?? ''}`;
    const before = rows.get(place);
    rows.set(place, {
      wave: object.wave,
      kind,
      keys: [...(before?.keys ?? []), object.key].sort(),
      composite,
    });
  }
  return [...rows].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, row]) => row);
}

function stateOf({ world }: Simulation, { id }: Rendered, paint: Paint): string {
  const object = world.objects.get(id);
  if (object === undefined) return '';
  if (isTrue(object, 'Ready')) return paint('green', '✓ ready');
  const step = textAt(object, 'status', 'step', 'name');
  return paint('yellow', step === undefined ? '… not ready' : `… at ${step}`);
}

const COLOURS: readonly (readonly [RegExp, Colour])[] = [
  [/^(Server|LoadBalancer|Volume)$/, 'magenta'],
  [/^(Network|Subnet|Firewall|PlacementGroup|SSHKey|NetworkAttachment|LoadBalancer.*|Firewall.*)$/, 'blue'],
  [/^(Release|Object)$/, 'cyan'],
  [/^(Job|CronJob)$/, 'yellow'],
  [/Usage$/, 'dim'],
];

function colourOf(kind: string): Colour {
  return COLOURS.find(([pattern]) => pattern.test(kind))?.[1] ?? 'green';
}

/** How much there is of it, what it needs and what it costs. */
function summary({ world, waves }: Simulation, objects: readonly Rendered[], paint: Paint): string[] {
  const kinds = new Set(objects.map(({ manifest }) => `${manifest.apiVersion}/${manifest.kind}`));
  const last = waves.at(-1)?.number ?? 0;
  const head = `${counted(objects.length, 'object')} of ${counted(kinds.size, 'kind')} in ${counted(last, 'wave')}`;
  const composites = objects.flatMap(({ id }) => world.objects.get(id) ?? []);
  return [paint('bold', head), ...estimateLines(composites, paint)];
}

/** The next command to try. */
function next({ world, waves }: Simulation, { files, until, command }: TreeOptions): string {
  const again = `${command} render ${files.join(' ')}`;
  const absent = absentHome(world);
  if (absent !== undefined) return `Next: ${again} FILE, where FILE has the ${absent}`;
  const stopped = until !== undefined && until <= (waves.at(-1)?.number ?? 0);
  return `Next: ${again} ${stopped ? `--until ${until + 1}` : '--graph waves.html'}`;
}

/** The claim that a DataService lives in, where neither it nor a region of it was given. */
function absentHome({ objects }: World): string | undefined {
  const all = [...objects.values()];
  const homes = all.flatMap((object) => {
    const spec = object.kind === 'DataService' ? soundService(specOf(object)) : undefined;
    return spec === undefined ? [] : [{ ...claimOf(spec), namespace: object.metadata.namespace ?? '' }];
  });
  const absent = homes.find(
    ({ kind, name, namespace }) =>
      !all.some(({ kind: other, metadata: { name: its, namespace: place, labels = {} } }) =>
        other === 'XOpenOvaRegion'
          ? labels[CLAIM_NAME_LABEL] === name && labels[CLAIM_NAMESPACE_LABEL] === namespace
          : other === kind && its === name && place === namespace,
      ),
  );
  return absent && `${absent.kind} "${absent.name}"`;
}
