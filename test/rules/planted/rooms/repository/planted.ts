/** Planted: the repository emits events and knows no sentences. */
export { describeEvent } from '../observe/words.ts';
