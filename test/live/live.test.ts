/** The scenarios: claims that live beside each other on one control plane, then what concerns all of them. */
import { beforeAll, describe } from 'vitest';
import { EVERYTHING } from '../extent.ts';
import { history, logsAreClean } from './laws.ts';
import { startLive, type Live } from './live.ts';
import { isReadyClaim, tell, until, type Scenario } from './scenario.ts';
import { deadApi } from './scenarios/dead-api.ts';
import { dataService } from './scenarios/data-service.ts';
import { dnsPackages } from './scenarios/dns.ts';
import { edits } from './scenarios/edits.ts';
import { inOneGo, mini, minimal } from './scenarios/minimal.ts';
import { rough } from './scenarios/rough.ts';
import { tenancy } from './scenarios/tenancy.ts';
import { apart, namesakeMade } from './scenarios/namesake.ts';
import { neededRules } from './scenarios/rules.ts';
import { failingJob, orphaned, unlucky } from './scenarios/unlucky.ts';
import { duo, newerPackage, twoRegions, unprotected, withoutRecords } from './scenarios/two-regions.ts';

let started: Live | undefined;
const live = (): Live => {
  if (started === undefined) throw new Error('the control plane is not up');
  return started;
};

beforeAll(async () => {
  const running = await startLive(tell);
  started = running;
  return () => running.stop();
});

/** Claims whose machines are real: of each server an API server and a member of etcd. */
const onRealMachines: Readonly<Record<string, Scenario>> = {
  'a claim to which everything happens': rough,
  'a claim whose Job fails and whose DNS packages are missing, with a service': (given) => {
    failingJob(given);
    dnsPackages(unlucky)(given);
    orphaned(given);
    dataService(unlucky)(given);
  },
};

/** On two processors a claim is ready sooner when another one comes after it. */
function onceMiniIsReady(scenario: Scenario): Scenario {
  return (given) => {
    beforeAll(async () => {
      await until(given(), mini, 'the small claim', 600, isReadyClaim);
    }, 700_000);
    scenario(given);
  };
}

const together: Readonly<Record<string, Scenario>> = {
  'a claim of one small region': (given) => {
    minimal(given);
    if (EVERYTHING) apart(mini)(given);
    (EVERYTHING ? deadApi(mini) : inOneGo(mini, 'Foreground'))(given);
  },
  'a cluster of two regions': (given) => {
    twoRegions(given);
    if (EVERYTHING) newerPackage(given);
    unprotected(given);
    inOneGo(duo, 'Background')(given);
    withoutRecords(given);
  },
  'a tenant': EVERYTHING ? tenancy : onceMiniIsReady(tenancy),
  'a claim that is edited': edits,
  ...(EVERYTHING && { 'a claim of two regions by the same name': onceMiniIsReady(namesakeMade) }),
  ...(EVERYTHING && onRealMachines),
};

describe('on one control plane', { concurrent: true }, () => {
  for (const [name, scenario] of Object.entries(together)) {
    describe(name, () => {
      // Its steps follow each other, while the other claims go their own way.
      describe('', { concurrent: false }, () => {
        scenario(live);
      });
    });
  }
});

describe('all the time', () => {
  if (EVERYTHING) logsAreClean(live);
  history(live);
});

if (EVERYTHING)
  describe('with less rights', () => {
    neededRules(live);
  });
