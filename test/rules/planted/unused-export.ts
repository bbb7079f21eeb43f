/** Planted: `npm run deadcode` must complain about the export that nobody imports. */
export const imported = 0;
export const importedByNobody = 1;
