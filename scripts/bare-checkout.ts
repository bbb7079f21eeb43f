/**
 * `npm run bare-checkout [step…]`: README's two commands of the checkout, `npm ci` and `npm test`, for what is committed
 * here, on a bare Debian with nothing but Node, npm and git, as an ordinary user. The steps are those of `npm test`, default
 * all: about half an hour. Needs root and debootstrap. Exits with the status of the two commands.
 */
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createDebianRoot, whyNoDebianRoot, type DebianRoot } from '../test/support/servers/debian-root.ts';
import { onExit } from '../test/support/site/on-exit.ts';
import { steps } from './test/steps.ts';

const wanted = process.argv.slice(2);
const unknown = wanted.filter(name => steps.every(step => step.name !== name));
if (unknown.length > 0) throw new Error(`no such step: ${unknown.join(' ')}`);
const missing = whyNoDebianRoot();
if (missing !== undefined) throw new Error(missing);

console.log('making a Debian with Node, npm and git');
const root = await createDebianRoot('trixie', ['nodejs', 'npm', 'git']);
const checkout = join(root.directory, 'home/admin/walvault');
execFileSync('git', ['clone', '--quiet', '--no-hardlinks', resolve(import.meta.dirname, '..'), checkout]);
writeFileSync(join(root.directory, 'home/admin/commands'), commands(root));
const entrance = "chown -R admin: /home/admin && exec su - admin -c 'bash commands'";
process.exitCode = await runInside(root, `hostname debian && ${entrance}`);

/** In the root /tmp is memory. */
function commands(root: DebianRoot): string {
  return `${networkSettings(root).join('\n')}
export TMPDIR=/var/tmp
set -ex
cd walvault
npm ci
npm test ${wanted.join(' ')}
`;
}

/** Where this machine gets packages from. */
function networkSettings({ directory }: DebianRoot): string[] {
  const settings = [`export npm_config_registry=${npmSetting('registry')}`];
  const authorities = npmSetting('cafile');
  if (authorities === 'null') return settings;
  const copy = '/etc/npm-authorities.pem';
  cpSync(authorities, join(directory, copy));
  return [...settings, `export npm_config_cafile=${copy}`];
}

function npmSetting(name: string): string {
  return execFileSync('npm', ['config', 'get', name], { encoding: 'utf8' }).trim();
}

function runInside({ shell: [program, ...args] }: DebianRoot, script: string): Promise<number> {
  const child = spawn(program, args, { stdio: ['pipe', 'inherit', 'inherit'] });
  const disarm = onExit(() => child.kill('SIGKILL'));
  child.stdin.end(script);
  return new Promise((settle, reject) => {
    child.once('error', reject);
    child.once('close', status => {
      disarm();
      settle(status ?? 1);
    });
  });
}
