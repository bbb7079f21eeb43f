/**
 * The cloud that this host runs in, as its firmware and its name service tell. In a cloud its metadata service is there,
 * so silence of that service is an outage; elsewhere its address leads nowhere, and the host has no identity.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export type Cloud = 'amazon' | 'azure' | 'google';

interface Mark {
  readonly file: string;
  readonly pattern: RegExp;
}

const firmware = 'sys/class/dmi/id';

const marks: Readonly<Record<Cloud, readonly Mark[]>> = {
  // ds-identify of cloud-init; instances on Xen have only the version.
  amazon: [
    { file: `${firmware}/sys_vendor`, pattern: /^Amazon/ },
    { file: `${firmware}/bios_version`, pattern: /amazon/i },
  ],
  // The tag of all virtual machines of Azure, which Hyper-V elsewhere does not have (DataSourceAzure of cloud-init).
  azure: [{ file: `${firmware}/chassis_asset_tag`, pattern: /^7783-7084-3265-9085-8269-3286-77\s*$/ }],
  // Some sandboxes of Kubernetes Engine hide the firmware; the name service of Google's networks has this domain.
  google: [
    { file: `${firmware}/bios_vendor`, pattern: /Google/ },
    { file: 'etc/resolv.conf', pattern: /^search\s.*\bgoogle\.internal\b/m },
  ],
};

/** `root`: the directory to look below, `/` outside tests. */
export function isHostIn(cloud: Cloud, root = '/'): boolean {
  return marks[cloud].some(({ file, pattern }) => pattern.test(textOf(join(root, file))));
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
