import type { DefineVerb } from '../verb.ts';
import { defineConfig } from './config.ts';
import { defineInit } from './init.ts';

/** In the order of the help. Adding a verb is one line here and one file beside. */
export const verbs: readonly DefineVerb[] = [defineInit, defineConfig];
