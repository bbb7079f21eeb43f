/**
 * The bill of materials of one executable, in CycloneDX 1.6 (https://cyclonedx.org/docs/1.6/json/). It depends on nothing
 * but what was built: no time and no random number is in it.
 */
import type { NodeBinary } from '../node-binary.ts';
import type { BundledPackage } from './bundled-packages.ts';

export interface Bill {
  readonly version: string;
  readonly commit: string;
  readonly executable: { readonly path: string; readonly sha256: string };
  readonly packages: readonly BundledPackage[];
  readonly node: Pick<NodeBinary, 'version' | 'sha256'> & {
    /** Name of the npm package that it was taken from. */
    readonly packageName: string;
    /** `process.versions`: what Node itself is made of. */
    readonly versions: Readonly<Record<string, string>>;
  };
}

export interface Component {
  readonly type: string;
  readonly 'bom-ref': string;
  readonly name: string;
  readonly version: string;
  readonly [field: string]: unknown;
}

export interface BillDocument {
  readonly metadata: { readonly component: Component };
  readonly components: readonly Component[];
  readonly [field: string]: unknown;
}

export function describeBill(bill: Bill): BillDocument {
  const components = [...bill.packages.map(packageComponent), nodeComponent(bill.node)];
  const self = `walvault@${bill.version}`;
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: {
      component: {
        type: 'application',
        'bom-ref': self,
        name: 'walvault',
        version: bill.version,
        licenses: [{ expression: 'Apache-2.0' }],
        hashes: [{ alg: 'SHA-256', content: bill.executable.sha256 }],
        properties: [
          { name: 'walvault:file', value: bill.executable.path },
          { name: 'walvault:commit', value: bill.commit },
        ],
      },
    },
    components,
    // All are linked into one file; who needs whom does not matter to a reader of it.
    dependencies: [{ ref: self, dependsOn: components.map(component => component['bom-ref']) }],
  };
}

function packageComponent({ name, version, licence, integrity, directory }: BundledPackage): Component {
  const [algorithm = '', digest = ''] = integrity.split('-');
  const purl = purlOf(name, version);
  return {
    type: 'library',
    // One version may lie in two directories.
    'bom-ref': `${purl}#${directory}`,
    name,
    version,
    purl,
    licenses: [{ expression: licence }],
    hashes: [
      {
        alg: algorithm.toUpperCase().replace('SHA', 'SHA-'),
        content: Buffer.from(digest, 'base64').toString('hex'),
      },
    ],
  };
}

function nodeComponent({ version, sha256, packageName, versions }: Bill['node']): Component {
  return {
    type: 'platform',
    'bom-ref': `node@${version}`,
    name: 'node',
    version,
    purl: purlOf(packageName, version),
    cpe: `cpe:2.3:a:nodejs:node.js:${version}:*:*:*:*:*:*:*`,
    licenses: [{ expression: 'MIT' }],
    hashes: [{ alg: 'SHA-256', content: sha256 }],
    components: Object.entries(versions)
      .filter(([name, part]) => name !== 'node' && part !== '')
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, part]) => ({
        type: 'library',
        'bom-ref': `node@${version}/${name}`,
        name,
        version: part,
      })),
  };
}

function purlOf(name: string, version: string): string {
  return `pkg:npm/${name.replace('@', '%40')}@${version}`;
}
