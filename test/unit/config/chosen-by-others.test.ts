/** What root refuses of a configuration that somebody else may change. Needs accounts, so only root runs it. */
import assert from 'node:assert/strict';
import { chmodSync, chownSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { loadConfig, type LoadedConfig } from '../../../src/config/index.ts';
import { temporaryDirectory } from '../../support/site/temp.ts';
import { requireRoot } from '../../support/site/unprivileged.ts';

const uid = 4001;

/** Loads the text as a configuration of user 4001, or of root. */
async function load(text: string, { isHis = true, directory = newDirectory() } = {}): Promise<LoadedConfig> {
  requireRoot('files of several accounts');
  const path = join(directory, 'walvault.toml');
  writeFileSync(path, `cluster = "orders"\n${text}`, { mode: 0o600 });
  if (isHis) chownSync(path, uid, uid);
  return await loadConfig({ path, env: {} });
}

function newDirectory(): string {
  const directory = temporaryDirectory('config', { keepOwner: true });
  chmodSync(directory, 0o755);
  return directory;
}

function fileOf(owner: number, directory = newDirectory()): string {
  const path = join(directory, 'key');
  writeFileSync(path, 'x', { mode: 0o600 });
  chownSync(path, owner, owner);
  return path;
}

const bucket = (url: string, more = '') => `[[repository]]\nurl = "${url}"\n${more}`;
const his = /user 4001 owns .*walvault\.toml/;

describe('a configuration that another may change, read by root', () => {
  it('names no key file but his own', async () => {
    for (const setting of ['signing.key', 'encryption.private-keys']) {
      const text = (path: string) =>
        `${setting} = ${setting === 'signing.key' ? JSON.stringify(path) : JSON.stringify([path])}\n${bucket('file:///x')}`;
      await assert.rejects(load(text(fileOf(0))), his);
      await load(text(fileOf(uid)));
      await load(text(fileOf(0)), { isHis: false });
      await load(text(fileOf(uid)), { isHis: false });
    }
  });

  it('sends no credentials, and no token to an endpoint of his', async () => {
    const refused =
      /root (takes no credentials from|sends no token to an endpoint from) a configuration that another/;
    const named = `credentials-file = "${fileOf(uid)}"\n`;
    await assert.rejects(load(bucket('gs://b/x', named)), refused);
    await assert.rejects(load(bucket('gs://b/x?endpoint=https://evil.example')), refused);
    await assert.rejects(load(bucket('azure://a/c/x?endpoint=https://evil.example')), refused);
    await load(bucket('gs://b/x', named), { isHis: false });
    await load(bucket('gs://b/x?endpoint=https://good.example'), { isHis: false });
    await load(bucket('gs://b/x'));
  });

  it('tells who chose the directory and the log file', async () => {
    const text = `log.file = "/x/log"\n${bucket('file:///x')}`;
    const { config } = await load(text);
    assert.equal(config.log.fileChosenBy?.uid, uid);
    assert.equal(config.repositories[0]?.chosenBy?.uid, uid);
    const own = (await load(text, { isHis: false })).config;
    assert.deepEqual([own.log.fileChosenBy, own.repositories[0]?.chosenBy], [undefined, undefined]);
  });
});

describe("a configuration of root's", () => {
  it('reads no key that another has put a link in the place of', async () => {
    const directory = newDirectory();
    symlinkSync(fileOf(0), join(directory, 'link'));
    chownSync(directory, uid, uid);
    const text = `signing.key = "${directory}/link"\n${bucket('file:///x')}`;
    await assert.rejects(load(text, { isHis: false }), /which another may name or replace: user 4001 owns/);
  });

  it('that is given in the environment needs no file', async () => {
    requireRoot('files of several accounts');
    const env = {
      WALVAULT_CLUSTER: 'orders',
      WALVAULT_REPOSITORY_URL: 'gs://b/x?endpoint=https://good.example',
    };
    const { config } = await loadConfig({ env, defaultPath: '/none' });
    assert.equal(config.repositories[0]?.chosenBy, undefined);
  });
});
