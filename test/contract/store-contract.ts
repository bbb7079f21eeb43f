/**
 * `src/stores/store.ts` as tests: one suite, every driver. A case that a driver cannot run (memory has no disk to be
 * unmounted) is not registered for it; the number that did run is printed, and none is a failure.
 */
import assert from 'node:assert/strict';
import { afterAll, beforeAll, describe, it } from 'vitest';
import type { ContractDriver, ContractFixture } from './contract-driver.ts';
import { creationCases } from './creation-cases.ts';
import { failureCases } from './failure-cases.ts';
import { listingCases } from './listing-cases.ts';
import { readingCases } from './reading-cases.ts';

/** Every driver runs at least the cases that need nothing special of it. */
const fewestCases = 40;

export interface Case {
  readonly name: string;
  /** Parts of the fixture it cannot do without. */
  readonly needs?: readonly (keyof ContractFixture)[];
  /** What some real service has not got. */
  readonly assumes?: ServiceFeature;
  readonly run: (fixture: ContractFixture, prefix: string) => Promise<void>;
}

const allCases: readonly Case[] = [...creationCases, ...readingCases, ...listingCases, ...failureCases];

/** `long-creation`: the condition also holds at the end of an upload in parts. */
export type ServiceFeature = 'long-creation';

export function runStoreContract(
  driver: ContractDriver,
  lends: readonly (keyof ContractFixture)[],
  lacks: readonly ServiceFeature[] = [],
): void {
  describe(`store contract: ${driver.name}`, () => {
    let fixture: ContractFixture;
    let ranCount = 0;
    beforeAll(async () => {
      fixture = await driver.open();
    });
    afterAll(async () => {
      await fixture.close();
    });

    for (const [index, { name, needs = [], assumes, run }] of allCases.entries()) {
      if (!needs.every(need => lends.includes(need))) continue;
      if (assumes !== undefined && lacks.includes(assumes)) continue;
      it(name, async () => {
        await run(fixture, `case-${index}`);
        ranCount++;
      });
    }

    it('ran', async ({ annotate }) => {
      await annotate(
        `${driver.name}: ${ranCount} contract cases passed${lacks.length > 0 ? `; it lacks ${lacks.join(', ')}` : ''}`,
      );
      assert(ranCount >= fewestCases, `only ${ranCount} cases ran to their end`);
    });
  });
}
