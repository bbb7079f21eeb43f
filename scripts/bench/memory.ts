/** The memory of a long upload: the executable stores a stream of 8 GiB with default settings. */
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { run } from '../../test/support/site/run.ts';
import { temporaryDirectory } from '../../test/support/site/temp.ts';
import { startServer } from './processes.ts';
import { clouds, type Cloud } from './task.ts';
import { settingsFor } from './urls.ts';

const mebibyte = 1024 ** 2;
const longBytes = 8 * 1024 * mebibyte;
const limitBytes = 250 * mebibyte;

/** @throws when an upload failed or took more than the limit */
export async function measureMemory(): Promise<void> {
  console.log(`\nupload of ${longBytes / 1024 ** 3} GiB by dist/walvault, https, default settings`);
  await using server = await startServer('https', 0);
  for (const cloud of clouds) {
    const { maxResidentBytes, elapsedMs, exitCode, stderr } = await upload(cloud, server.origin);
    if (exitCode !== 0) throw new Error(`${cloud}: status ${exitCode}: ${stderr}`);
    const resident = `${Math.round(maxResidentBytes / mebibyte)} MiB resident`;
    console.log(`${cloud.padEnd(6)} at most ${resident}, ${(elapsedMs / 1000).toFixed(0)} s`);
    if (maxResidentBytes > limitBytes)
      throw new Error(`${cloud}: more than ${limitBytes / mebibyte} MiB resident`);
  }
}

async function upload(cloud: Cloud, origin: string) {
  const directory = join(temporaryDirectory('bench-memory', { keepOwner: true }), cloud);
  mkdirSync(directory);
  // A hole: reads as zeros, and takes no space.
  const file = join(directory, 'long');
  writeFileSync(file, '');
  truncateSync(file, longBytes);
  const config = join(directory, 'walvault.toml');
  writeFileSync(config, configuration(cloud, origin), { mode: 0o600 });
  const executable = resolve(import.meta.dirname, '../../dist/walvault');
  return await run(executable, ['--config', config, 'store', 'put', 'long', file], {
    as: 'self',
    timeoutMs: 900_000,
  });
}

function configuration(cloud: Cloud, origin: string): string {
  const { url, accessKeyId, secretAccessKey, accountKey } = settingsFor(cloud, origin);
  const settings = {
    url,
    'access-key-id': accessKeyId?.reveal(),
    'secret-access-key': secretAccessKey?.reveal(),
    'account-key': accountKey?.reveal(),
  };
  const lines = Object.entries(settings)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name} = "${value}"`);
  return `cluster = "bench"\n[encryption]\nmode = "none"\n[[repository]]\nname = "sink"\nverify-tls = false\n${lines.join('\n')}\n`;
}
