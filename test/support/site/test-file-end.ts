/** The end of each test file: vitest kills its process half a second later, which is too soon to stop a server then. */
import { afterAll } from 'vitest';
import { runDuties } from './on-exit.ts';

afterAll(runDuties);
