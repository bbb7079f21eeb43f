/** What `npm test` says at its end of the tests that it left out, because a program is missing on this machine. */

/** `notes`: lines of a reason, a tab, and the test's file and name. For each reason its count, then the tests' names. */
export function describeLeftOut(notes: readonly string[]): string[] {
  const byReason = Map.groupBy(notes, note => note.split('\t')[0] ?? '');
  return [...byReason]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([reason, found]) => [
      `left out, ${reason}: ${countOf(found)}`,
      ...found.map(note => `  ${nameIn(note)}`),
    ]);
}

/** Else the note is of a whole file, whose tests are not known. */
export function isTest(note: string): boolean {
  return nameIn(note).includes(' > ');
}

function nameIn(note: string): string {
  return note.split('\t')[1] ?? '';
}

function countOf(notes: readonly string[]): string {
  const tests = notes.filter(isTest).length;
  const files = notes.length - tests;
  return [plural(tests, 'test'), plural(files, 'whole file')].filter(text => text !== '').join(' and ');
}

function plural(count: number, what: string): string {
  return count === 0 ? '' : `${count} ${what}${count === 1 ? '' : 's'}`;
}
