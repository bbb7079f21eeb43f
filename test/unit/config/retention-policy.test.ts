import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { loadConfig, retentionFor, type RetentionPolicy } from '../../../src/config/index.ts';
import { temporaryDirectory } from '../../support/site/temp.ts';

const dayMs = 86_400_000;

async function policiesOf(
  toml: string,
  env: Record<string, string> = {},
): Promise<(name: string) => Partial<RetentionPolicy>> {
  const path = join(temporaryDirectory('config'), 'walvault.toml');
  writeFileSync(path, `cluster = "orders"\n${toml}`, { mode: 0o600 });
  const { config } = await loadConfig({ path, env });
  return name =>
    Object.fromEntries(Object.entries(retentionFor(config, name)).filter(([, value]) => value !== undefined));
}

const two = `
[retention]
keep-last = 3
time-zone = "Europe/Berlin"
[[repository]]
name = "local"
url = "file:///a"
[[repository]]
name = "offsite"
url = "file:///b"
[repository.retention]
keep-monthly = 12
minimum-backups = 2
`;

describe('the policy of a repository', () => {
  it('is its own rules alone, else the general ones; the minimum and the zone by themselves', async () => {
    const policyOf = await policiesOf(two);
    assert.deepEqual(policyOf('local'), { keepLast: 3, minimumBackups: 1, timeZone: 'Europe/Berlin' });
    assert.deepEqual(policyOf('offsite'), { keepMonthly: 12, minimumBackups: 2, timeZone: 'Europe/Berlin' });
  });

  it('can be given in the environment', async () => {
    const policyOf = await policiesOf(two, {
      WALVAULT_REPOSITORY_LOCAL_RETENTION_RECOVERY_WINDOW: '2d',
      WALVAULT_RETENTION_KEEP_DAILY: '9',
    });
    assert.deepEqual(policyOf('local'), {
      recoveryWindowMs: 2 * dayMs,
      minimumBackups: 1,
      timeZone: 'Europe/Berlin',
    });
  });

  it('names the line of a mistake', async () => {
    await assert.rejects(policiesOf(two.replace('keep-monthly', 'keep-monthy')), {
      code: 'config',
      message: /"repository\.retention\.keep-monthy".*line 13/,
      hint: /repository\.retention\.keep-monthly/,
    });
    await assert.rejects(policiesOf(two.replace('Europe/Berlin', 'Mars/Base')), {
      code: 'config',
      message: /line 5: "Mars\/Base" is no time zone/,
    });
  });
});
