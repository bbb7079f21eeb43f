import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'vitest';
import { calledName } from '../../../../src/cli/options/own-command.ts';
import { neededVariables } from '../../../../src/cli/options/needed-variables.ts';
import { loadConfig } from '../../../../src/config/index.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';

describe('the variables that the restored server needs too', () => {
  const needed = async (toml: string, env: NodeJS.ProcessEnv) => {
    const path = join(temporaryDirectory('config'), 'walvault.toml');
    writeFileSync(path, `cluster = "orders"\n${toml}`, { mode: 0o600 });
    return neededVariables(await loadConfig({ path, env }), env);
  };
  const s3 = '[[repository]]\nname = "main"\nurl = "s3://bucket/prefix?region=eu-central-1"\n';
  const plain = 'encryption.mode = "none"\n';
  const environment = {
    HOME: '/root',
    AWS_ACCESS_KEY_ID: 'AKIA',
    AWS_SECRET_ACCESS_KEY: 'x',
    AWS_PROFILE: 'backup',
    AWS_CA_BUNDLE: '',
    GOOGLE_APPLICATION_CREDENTIALS: '/key.json',
    HTTPS_PROXY: 'http://proxy:3128',
    no_proxy: 'localhost',
    WALVAULT_COMPRESSION_LEVEL: '3',
    UNRELATED: '1',
  };

  test('those of the service, of proxies, of settings, no others, and none that is empty', async () => {
    assert.deepEqual(await needed(`${plain}${s3}`, environment), [
      'AWS_ACCESS_KEY_ID',
      'AWS_PROFILE',
      'AWS_SECRET_ACCESS_KEY',
      'HTTPS_PROXY',
      'WALVAULT_COMPRESSION_LEVEL',
      'no_proxy',
    ]);
    const google = '[[repository]]\nname = "main"\nurl = "gs://bucket/prefix"\n';
    assert.ok((await needed(`${plain}${google}`, environment)).includes('GOOGLE_APPLICATION_CREDENTIALS'));
  });

  test('credentials in the configuration make those of the environment unneeded, but for variables that it names', async () => {
    const keys = 'access-key-id = { env = "MY_KEY" }\nsecret-access-key = { env = "MY_SECRET" }\n';
    const found = await needed(`${plain}${s3}${keys}`, { ...environment, MY_KEY: 'a', MY_SECRET: 'b' });
    assert.deepEqual(
      found.filter(name => /AWS|MY_/.test(name)),
      ['MY_KEY', 'MY_SECRET'],
    );
  });

  test('a directory needs none of a service', async () => {
    const directory = `${plain}[[repository]]\nname = "main"\nurl = "file://${temporaryDirectory('repository')}"\n`;
    assert.deepEqual(await needed(directory, environment), ['WALVAULT_COMPRESSION_LEVEL']);
  });
});

describe('the name by which walvault was called', () => {
  const directory = temporaryDirectory('called');
  const executable = join(directory, 'opt', 'walvault');
  const bin = join(directory, 'bin');
  mkdirSync(join(directory, 'opt'));
  mkdirSync(bin);
  writeFileSync(executable, '#!/bin/sh\n');
  chmodSync(executable, 0o755);
  symlinkSync(executable, join(bin, 'walvault'));

  test('is the link, by its path or found in PATH', () => {
    assert.equal(calledName(join(bin, 'walvault'), executable, {}), join(bin, 'walvault'));
    assert.equal(calledName('walvault', executable, { PATH: `/nonexistent:${bin}` }), join(bin, 'walvault'));
  });

  test('is the executable where the name leads nowhere or elsewhere', () => {
    assert.equal(calledName('walvault', executable, { PATH: '/nonexistent' }), executable);
    assert.equal(calledName('sh', executable, { PATH: '/bin' }), executable);
  });
});
