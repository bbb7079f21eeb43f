import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { it } from 'vitest';
import { isHostIn, type Cloud } from '../../../../src/stores/driver-kit/host-cloud.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';

const clouds: readonly Cloud[] = ['amazon', 'azure', 'google'];

function cloudsOf(files: Readonly<Record<string, string>>): Cloud[] {
  const root = temporaryDirectory('host', { keepOwner: true });
  for (const [name, text] of Object.entries(files)) {
    const path = join(root, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  return clouds.filter(cloud => isHostIn(cloud, root));
}

it('a host is known by what its firmware and its name service say', () => {
  const firmware = (name: string, text: string) => ({ [`sys/class/dmi/id/${name}`]: `${text}\n` });
  assert.deepEqual(cloudsOf(firmware('sys_vendor', 'Amazon EC2')), ['amazon']);
  assert.deepEqual(
    cloudsOf({ ...firmware('sys_vendor', 'Xen'), ...firmware('bios_version', '4.11.amazon') }),
    ['amazon'],
  );
  assert.deepEqual(cloudsOf(firmware('chassis_asset_tag', '7783-7084-3265-9085-8269-3286-77')), ['azure']);
  assert.deepEqual(cloudsOf(firmware('bios_vendor', 'Google')), ['google']);
  const search = 'search default.svc.cluster.local c.acme.internal google.internal';
  assert.deepEqual(cloudsOf({ 'etc/resolv.conf': `nameserver 10.0.0.10\n${search}\n` }), ['google']);
});

it('a host elsewhere is in none, a host of Hyper-V included', () => {
  assert.deepEqual(cloudsOf({}), []);
  assert.deepEqual(
    cloudsOf({
      'sys/class/dmi/id/sys_vendor': 'Microsoft Corporation\n',
      'sys/class/dmi/id/chassis_asset_tag': '1234-5678\n',
      'etc/resolv.conf': 'nameserver 8.8.8.8\nsearch acme.example\n# google.internal\n',
    }),
    [],
  );
});
