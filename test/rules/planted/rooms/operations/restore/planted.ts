/** Planted: a verb imports no other verb, unless the rules name the pair. */
export { backup } from '../backup/backup.ts';
