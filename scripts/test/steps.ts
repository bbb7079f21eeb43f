/** The steps of `npm test`, in the order in which a fault shows fastest. */

export type Step =
  | { readonly kind: 'check'; readonly name: string; readonly npmScript: string }
  /**
   * A check that may stay without an answer (`exitUnanswered`), from a server outside or as there are changes to commit: then it
   * has neither passed nor failed.
   */
  | { readonly kind: 'inquiry'; readonly name: string; readonly npmScript: string }
  /** One of the projects of `vitest.config.ts`, by its name. */
  | { readonly kind: 'suite'; readonly name: string };

/** EX_TEMPFAIL of sysexits.h. */
export const exitUnanswered = 75;

export const steps: readonly Step[] = [
  { kind: 'check', name: 'typecheck', npmScript: 'typecheck' },
  { kind: 'check', name: 'lint', npmScript: 'lint' },
  { kind: 'check', name: 'format', npmScript: 'format:check' },
  { kind: 'check', name: 'rules', npmScript: 'rules' },
  { kind: 'check', name: 'deadcode', npmScript: 'deadcode' },
  { kind: 'check', name: 'build', npmScript: 'build' },
  { kind: 'inquiry', name: 'advisories', npmScript: 'advisories' },
  { kind: 'suite', name: 'unit' },
  { kind: 'suite', name: 'property' },
  { kind: 'suite', name: 'contract' },
  { kind: 'suite', name: 'tools' },
  { kind: 'inquiry', name: 'reproduce', npmScript: 'reproduce' },
  { kind: 'suite', name: 'postgres' },
  { kind: 'suite', name: 'e2e' },
];

/**
 * The steps that run side by side: consecutive checks, most of which keep one processor busy. A suite has the machine for itself,
 * and an inquiry asks about what the build has made.
 */
export function groupsOf(chosen: readonly Step[]): Step[][] {
  const groups: Step[][] = [];
  for (const step of chosen) {
    const last = groups.at(-1);
    if (step.kind === 'check' && last?.at(-1)?.kind === 'check') last.push(step);
    else groups.push([step]);
  }
  return groups;
}
