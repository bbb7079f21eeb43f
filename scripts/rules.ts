/** `npm run rules [directory]`: fails when a source file imports what its room may not, or is on a circle of imports. */
import { resolve } from 'node:path';
import { findForbiddenImports } from './rules/check-imports.ts';

const sourceDirectory = resolve(process.argv[2] ?? resolve(import.meta.dirname, '../src'));
const complaints = await findForbiddenImports(sourceDirectory);
for (const complaint of complaints) console.log(complaint);
process.exitCode = complaints.length === 0 ? 0 : 1;
