/** Planted: a verb knows nothing of the commands that call it. */
export type { PushRun } from '../../entry/run-push.ts';
