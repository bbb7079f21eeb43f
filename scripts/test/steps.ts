/** The steps of `npm test`, in the order in which a fault shows fastest. */

export type Step =
  | { readonly kind: 'check'; readonly name: string; readonly npmScript: string }
  /** One of the projects of `vitest.config.ts`, by its name. */
  | { readonly kind: 'suite'; readonly name: string };

export const steps: readonly Step[] = [
  { kind: 'check', name: 'typecheck', npmScript: 'typecheck' },
  { kind: 'check', name: 'lint', npmScript: 'lint' },
  { kind: 'check', name: 'format', npmScript: 'format:check' },
  { kind: 'check', name: 'rules', npmScript: 'rules' },
  { kind: 'check', name: 'deadcode', npmScript: 'deadcode' },
  { kind: 'check', name: 'build', npmScript: 'build' },
  { kind: 'suite', name: 'unit' },
  { kind: 'suite', name: 'property' },
  { kind: 'suite', name: 'contract' },
  { kind: 'suite', name: 'tools' },
  { kind: 'check', name: 'reproduce', npmScript: 'reproduce' },
  { kind: 'suite', name: 'postgres' },
  { kind: 'suite', name: 'e2e' },
];
