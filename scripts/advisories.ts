/**
 * `npm run advisories`: asks the package registry for known vulnerabilities of what is in `dist/walvault`, by its bill of materials,
 * and fails for each that `scripts/advisories/accepted.json` does not accept. Exits 75 where the registry does not answer: that
 * is neither good nor bad.
 */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { askForAdvisories, newestNodeOfLine } from './advisories/ask-registry.ts';
import { askedPackages } from './advisories/asked-packages.ts';
import { judge, type Acceptance } from './advisories/judge.ts';
import type { BillDocument } from './build/bill/describe-bill.ts';
import { exitUnanswered } from './test/steps.ts';

const root = resolve(import.meta.dirname, '..');
const packages = askedPackages(readJson('dist/walvault.cdx.json') as BillDocument);
const judgement = judge(await askForAdvisories(packages), {
  packages,
  accepted: readJson('scripts/advisories/accepted.json') as Acceptance[],
  today: new Date().toISOString().slice(0, 10),
});
if (judgement.kind === 'unanswered') {
  console.log(`known vulnerabilities were not looked up: ${judgement.reason}`);
  process.exitCode = exitUnanswered;
} else {
  for (const line of [...judgement.findings, ...judgement.notes]) console.log(line);
  console.log(`${packages.length} packages, ${judgement.findings.length} known vulnerabilities`);
  process.exitCode = judgement.findings.length === 0 ? 0 : 1;
}
await tellNodesAge();

/** No registry of packages has the vulnerabilities of Node itself: its own release notes tell them. */
async function tellNodesAge(): Promise<void> {
  const { name = '', version = '' } = packages.find(each => each.name.startsWith('node-linux-')) ?? {};
  const newest = await newestNodeOfLine(name, version);
  if (newest === version) console.log(`Node ${version} is the newest of its line`);
  else
    console.log(
      `Node ${version} is inside; newest of its line: ${newest ?? 'not told by the registry'}. Its release notes say which fix vulnerabilities.`,
    );
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(join(root, path), 'utf8'));
}
