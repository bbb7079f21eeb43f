/** The check that files with secrets are closed to others: keys, passphrases, passwords, credentials. */
import { stat } from 'node:fs/promises';
import { isPrivateFile } from '../../base/files/privacy.ts';
import type { CheckOptions } from './options.ts';
import { failure, ok, type Checklist, type Finding } from './checklist.ts';

export async function checkSecretFiles(list: Checklist, options: CheckOptions): Promise<void> {
  const { secretFiles, privateKey, signal } = options;
  const files = new Set([...secretFiles, ...(privateKey === undefined ? [] : [privateKey.path])]);
  if (files.size === 0) return;
  await list.prove('keys', 'files with secrets', {
    signal,
    async work(): Promise<Finding[]> {
      const open = (await Promise.all([...files].map(findingOf))).flat();
      return open.length > 0 ? open : [ok('files with secrets are closed to others')];
    },
  });
}

async function findingOf(path: string): Promise<Finding[]> {
  const found = await stat(path).catch(() => undefined);
  // One that cannot be found fails where it is needed.
  if (found === undefined || isPrivateFile(found)) return [];
  return [
    failure(`${path} holds a secret, and others can read it`, 'chmod 600 it; 0640 where root owns it.'),
  ];
}
