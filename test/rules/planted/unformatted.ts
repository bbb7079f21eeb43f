/** Planted: `npm run format:check` must reject it. */
export const  spaces   = "double quotes"
