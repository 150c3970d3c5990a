/** The scenarios: claims that live beside each other on one control plane, then what concerns all of them. */
import { beforeAll, describe } from 'vitest';
import { history, secretsStayInSecrets } from './laws.ts';
import { startLive, type Live } from './live.ts';
import { tell, type Scenario } from './scenario.ts';
import { deadApi } from './scenarios/dead-api.ts';
import { dataService } from './scenarios/data-service.ts';
import { cloudy, dnsPackage } from './scenarios/dns.ts';
import { edits } from './scenarios/edits.ts';
import { minimal } from './scenarios/minimal.ts';
import { rough } from './scenarios/rough.ts';
import { tenancy } from './scenarios/tenancy.ts';
import { neededRules } from './scenarios/rules.ts';
import { unlucky } from './scenarios/unlucky.ts';
import { newerPackage, twoRegions } from './scenarios/two-regions.ts';

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

const together: Readonly<Record<string, Scenario>> = {
  'a claim of one small region': minimal,
  'a cluster of two regions': twoRegions,
  'a claim to which everything happens': rough,
  'a claim whose Job fails': unlucky,
  'a tenant': tenancy,
  'a claim that is edited': edits,
  'a claim whose API is dead': deadApi,
  'a claim whose DNS package is missing, with a service': (given) => {
    dnsPackage(given);
    dataService(cloudy)(given);
  },
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

describe('when a newer package comes', () => {
  newerPackage(live);
});

describe('all the time', () => {
  secretsStayInSecrets(live);
  history(live);
});

describe('with less rights', () => {
  neededRules(live);
});
