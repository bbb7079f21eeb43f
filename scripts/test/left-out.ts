/** What `npm test` says at its end of the tests that it left out, because a program is missing on this machine. */

/** `notes`: lines of a reason, a tab, and the test's file and name. For each reason its count, then the tests' names. */
export function describeLeftOut(notes: readonly string[]): string[] {
  const byReason = Map.groupBy(notes, note => note.split('\t')[0] ?? '');
  return [...byReason]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([reason, tests]) => [
      `left out, ${reason}: ${tests.length} ${tests.length === 1 ? 'test' : 'tests'}`,
      ...tests.map(test => `  ${test.split('\t')[1] ?? ''}`),
    ]);
}
