/** Planted: only compose opens stores. */
export { openStore } from '../stores/open.ts';
