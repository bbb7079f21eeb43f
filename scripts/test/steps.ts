/** What `npm test` consists of, in the order in which it fails fastest. */

export type Step =
  | { readonly kind: 'check'; readonly name: string; readonly npmScript: string }
  | {
      readonly kind: 'suite';
      readonly name: string;
      readonly files: readonly string[];
      /** Test files that run side by side; those with a live PostgreSQL each are limited. */
      readonly concurrency: number;
    };

export const steps: readonly Step[] = [
  { kind: 'check', name: 'typecheck', npmScript: 'typecheck' },
  { kind: 'check', name: 'lint', npmScript: 'lint' },
  { kind: 'check', name: 'format', npmScript: 'format:check' },
  { kind: 'check', name: 'rules', npmScript: 'rules' },
  { kind: 'check', name: 'deadcode', npmScript: 'deadcode' },
  { kind: 'check', name: 'build', npmScript: 'build' },
  { kind: 'suite', name: 'unit', files: ['test/unit/**/*.test.ts'], concurrency: 2 },
  { kind: 'suite', name: 'property', files: ['test/property/**/*.test.ts'], concurrency: 2 },
  { kind: 'suite', name: 'contract', files: ['test/contract/**/*.test.ts'], concurrency: 2 },
  { kind: 'suite', name: 'tools', files: ['test/{support,rules}/**/*.test.ts'], concurrency: 1 },
  { kind: 'suite', name: 'postgres', files: ['test/postgres/**/*.test.ts'], concurrency: 2 },
  { kind: 'suite', name: 'e2e', files: ['test/e2e/**/*.test.ts'], concurrency: 2 },
];
