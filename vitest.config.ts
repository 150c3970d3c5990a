import { defineConfig } from 'vitest/config';
import type { Reporter, Vitest } from 'vitest/node';
import { EVERYTHING } from './test/extent.ts';

/** Tests that need more than Node: each is a project of its own with an npm script of its own. */
const elsewhere = {
  engine: 'the real engine (npm run test:engine, needs Go 1.26)',
  live: 'a live control plane (npm run test:live, needs root, openssh-server, docker-registry, Go 1.26, two prebuilt programs and OPENOVA_CRDS)',
  machines: 'machines (npm run test:machines, needs root, openssh-server, iproute2, nftables and Go 1.26)',
  image: 'the image (npm run test:image, needs buildah)',
};

/** Where they are, below test/; tests of the bootstrap program that need machines are in on-machines. */
const folders: Readonly<Record<keyof typeof elsewhere, readonly string[]>> = {
  engine: ['engine'],
  live: ['live'],
  machines: ['bootstrap/machines', 'bootstrap/on-machines'],
  image: ['image'],
};

/** What a short run leaves out of the machines, beside most points at which a program is cut off. */
const longest = [
  'test/bootstrap/machines/**',
  'test/bootstrap/on-machines/again.test.ts',
  'test/bootstrap/on-machines/further.test.ts',
  'test/bootstrap/on-machines/three-servers.test.ts',
];

/** The same in words, for who reads the end of a run. */
const leftOutOfShort: Readonly<Record<string, string>> = {
  live: 'claims with real machines, claims of one name, a dead API, a newer package, rights taken away (OPENOVA_TESTS=short)',
  machines: 'the machines themselves, later life, most cut points (OPENOVA_TESTS=short)',
};

/** Says in one line what a run did not include. */
class LeftOut implements Reporter {
  #line: string | undefined;

  onInit(vitest: Vitest): void {
    const running = new Set(vitest.projects.map(({ name }) => name));
    const left = Object.entries(elsewhere).filter(([name]) => !running.has(name));
    const shortened = EVERYTHING ? [] : [...running].flatMap((name) => leftOutOfShort[name] ?? []);
    const all = [...(running.has('unit') ? left.map(([, what]) => what) : []), ...shortened];
    if (all.length > 0) this.#line = `Left out: ${all.join(', ')}`;
  }

  onTestRunEnd(): void {
    if (this.#line !== undefined) process.stdout.write(`\n${this.#line}\n`);
  }
}

/** The counts of a run, for a program to read, go to the file named here. */
const results = process.env['OPENOVA_TEST_RESULTS'];

export default defineConfig({
  test: {
    // Vitest leaves one processor to others, which is half of two.
    maxWorkers: '100%',
    reporters: [
      'default',
      new LeftOut(),
      ...(results === undefined ? [] : [['json', { outputFile: results }] satisfies [string, unknown]]),
    ],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: Object.values(folders)
            .flat()
            .map((folder) => `test/${folder}/**`),
          // None takes two seconds on an idle machine; nothing is said of a busy one.
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'engine',
          include: ['test/engine/**/*.test.ts'],
          globalSetup: 'test/engine/setup.ts',
          // One render by the real core takes about half a second on an idle machine; examples take several.
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'live',
          include: ['test/live/**/*.test.ts'],
          globalSetup: 'test/live/setup.ts',
          // A claim is Ready after a minute or two; a control plane is up after half a minute.
          testTimeout: 900_000,
          hookTimeout: 300_000,
          // Claims that live beside each other: they wait more than they work.
          maxConcurrency: 10,
        },
      },
      {
        test: {
          name: 'machines',
          include: folders.machines.map((folder) => `test/${folder}/**/*.test.ts`),
          exclude: EVERYTHING ? [] : longest,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'image',
          include: ['test/image/**/*.test.ts'],
          // The image is built once, before its first test.
          testTimeout: 60_000,
          hookTimeout: 900_000,
        },
      },
    ],
  },
});
