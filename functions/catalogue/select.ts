/** Which components a region has, and what is wrong with the choice. */
import type { Problem } from '../kernel/graph.ts';
import { RELEASE } from '../release.ts';
import { PROFILES, SLOTS, type Choices, type Component, type Engines, type Slot } from './component.ts';
import { catalogue } from './index.ts';
import { documentsOf } from './openova-system.ts';

/** Machines from which on components run twice. */
const HA_MACHINES = 3;

/** Whether components run twice: there are machines enough, and nobody asked for the minimum. */
export function isHa({ platform }: Pick<Choices, 'platform'>, machines: number): boolean {
  return platform.profile !== 'minimal' && machines >= HA_MACHINES;
}

/** The components that are on, each behind those that it needs. */
export function selected(
  spec: Choices,
  engines: Engines,
  components: readonly Component[] = catalogue,
): Component[] {
  return inOrder(components.filter((component) => isOn(component, spec, engines, components)));
}

function isOn(
  component: Component,
  spec: Choices,
  engines: Engines,
  components: readonly Component[],
): boolean {
  const { slot, profile } = component;
  if (component.fit?.test(spec) === false) return false;
  if (slot !== undefined && variantOf(slot.name, spec, components) !== slot.variant) return false;
  const asked = spec.platform.components[component.id]?.enabled;
  if (asked !== undefined) return asked;
  if (component.usedBy?.(engines) !== undefined) return true;
  return profile !== undefined && PROFILES.indexOf(profile) <= PROFILES.indexOf(spec.platform.profile);
}

/** The variant of a slot: the one that was chosen, or the first that there is. */
function variantOf(slot: Slot, { platform }: Choices, components: readonly Component[]): string | undefined {
  return platform[slot] ?? variants(slot, components)[0];
}

function variants(slot: Slot, components: readonly Component[]): string[] {
  const found = components.flatMap((component) =>
    component.slot?.name === slot ? [component.slot.variant] : [],
  );
  return [...new Set(found)];
}

/** What is needed comes first; among the others the order of the catalogue. Cycles are a defect that a test finds. */
function inOrder(components: readonly Component[]): Component[] {
  const rest = new Map(components.map((component) => [component.id, component]));
  const done: Component[] = [];
  const visit = (component: Component): void => {
    if (!rest.delete(component.id)) return;
    for (const id of component.needs) {
      const needed = rest.get(id);
      if (needed !== undefined) visit(needed);
    }
    done.push(component);
  };
  for (const component of components) visit(component);
  return done;
}

/**
 * Every mistake in the choice of components. Fields are those of the claim, from `spec.platform` on.
 * @param spec of a region, or a cluster's with the region's overrides in it.
 */
export function checkPlatform(
  spec: Choices,
  engines: Engines = new Set(),
  components: readonly Component[] = catalogue,
): Problem[] {
  return [
    ...checkNames(spec, components),
    ...components.flatMap((component) => checkFit(component, spec)),
    ...checkNeeds(spec, engines, components),
    ...checkDocuments(spec),
  ];
}

/** Every name that the catalogue does not have: what is wrong whatever else the claim says. */
export function checkNames(
  spec: Pick<Choices, 'platform'>,
  components: readonly Component[] = catalogue,
): Problem[] {
  return [
    ...SLOTS.flatMap((slot) => checkSlot(slot, spec, components)),
    ...Object.keys(spec.platform.components)
      .sort()
      .flatMap((id) => checkId(id, components)),
  ];
}

function checkDocuments(spec: Choices): Problem[] {
  const [dns, archival] = documentsOf(spec);
  if (dns === undefined || archival === undefined) return [];
  return [
    {
      field: 'spec.archival.secretRef.name',
      message: `is "${archival}", must be "${dns}" as in spec.dns.secretRef.name: release ${RELEASE} takes the JSON key of one Secret alone to a region`,
    },
  ];
}

/** `none` says that the region does without; every other word must be one that the catalogue has. */
function checkSlot(
  slot: Slot,
  { platform }: Pick<Choices, 'platform'>,
  components: readonly Component[],
): Problem[] {
  const chosen = platform[slot];
  const available = [...variants(slot, components), ...(slot === 'registry' ? ['none'] : [])];
  if (chosen === undefined || available.includes(chosen)) return [];
  return [
    {
      field: `spec.platform.${slot}`,
      message: `is "${chosen}", which is not available yet in release ${RELEASE}, ${
        available.length === 0 ? 'must be left out' : `available are ${available.sort().join(', ')}`
      }`,
    },
  ];
}

function checkId(id: string, components: readonly Component[]): Problem[] {
  const available = components.map((component) => component.id);
  if (available.includes(id)) return [];
  return [
    {
      field: `spec.platform.components.${id}`,
      message: `is not available yet in release ${RELEASE}, available are ${available.sort().join(', ')}`,
    },
  ];
}

function checkFit({ id, fit }: Component, spec: Choices): Problem[] {
  if (spec.platform.components[id]?.enabled !== true || fit?.test(spec) !== false) return [];
  return [{ field: `spec.platform.components.${id}.enabled`, message: `is true, needs ${fit.needs}` }];
}

/** What is switched off but needed by what is on, or by a data service. */
function checkNeeds(spec: Choices, engines: Engines, components: readonly Component[]): Problem[] {
  const on = selected(spec, engines, components);
  const missing = new Map<string, string[]>();
  for (const component of components) {
    if (component.fit?.test(spec) === false || on.includes(component)) continue;
    const users = on.filter(({ needs }) => needs.includes(component.id)).map(({ id }) => `"${id}"`);
    const service = component.usedBy?.(engines);
    if (service !== undefined) users.push(service);
    // What nobody switched off is missing because another variant was chosen, which has its own problem.
    const off = spec.platform.components[component.id]?.enabled === false;
    if (users.length > 0 && (off || component.slot === undefined)) missing.set(component.id, users.sort());
  }
  return [...missing].sort().map(([id, users]) => {
    const asked = spec.platform.components[id]?.enabled;
    return {
      field: `spec.platform.components.${id}.enabled`,
      message: `is ${asked ?? 'left out'}, must be true, needed by ${users.join(', ')}`,
    };
  });
}
