/** The configuration of a repository on the sink. */
import { Secret } from '../../src/base/secret.ts';
import type { DriverSettings } from '../../src/stores/driver-kit/driver-settings.ts';
import type { Cloud } from './task.ts';

export function settingsFor(cloud: Cloud, origin: string): DriverSettings {
  const endpoint = `endpoint=${encodeURIComponent(origin)}`;
  switch (cloud) {
    case 's3':
      return {
        url: `s3://bucket/prefix?path-style=true&${endpoint}`,
        accessKeyId: new Secret('AKIABENCH'),
        secretAccessKey: new Secret('bench'),
      };
    case 'gcs':
      return { url: `gs://bucket/prefix?anonymous=true&${endpoint}` };
    case 'azure':
      return {
        url: `azure://account/container/prefix?${endpoint}`,
        accountKey: new Secret(Buffer.from('bench').toString('base64')),
      };
  }
}
