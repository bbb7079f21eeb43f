/** Planted: `npm run typecheck` must reject it. */
export const answer: number = 'forty-two';
