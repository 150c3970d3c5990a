/** What a Usage of Crossplane says of other objects. */
import { objectAt, textAt, type Manifest } from './manifest.ts';

/** Whether a Usage names this object in its `of` or `by`. */
export function refersTo(usage: Manifest, side: 'of' | 'by', object: Manifest): boolean {
  if (usage.kind !== 'Usage' && usage.kind !== 'ClusterUsage') return false;
  const subject = objectAt(usage, 'spec', side);
  const [group] = object.apiVersion.split('/');
  return (
    subject?.['kind'] === object.kind &&
    (textAt(subject, 'apiVersion') ?? '').split('/')[0] === group &&
    textAt(subject, 'resourceRef', 'name') === object.metadata.name
  );
}
