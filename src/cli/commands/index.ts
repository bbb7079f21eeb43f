/** The list of all commands. */
import type { DefineVerb } from '../verb.ts';
import { defineAgent } from './agent.ts';
import { defineBackup } from './backup.ts';
import { defineCheck } from './check.ts';
import { defineCleanup } from './cleanup.ts';
import { defineConfig } from './config.ts';
import { defineConflict } from './conflict.ts';
import { defineCopy } from './copy.ts';
import { defineDelete } from './delete.ts';
import { defineFetch } from './fetch.ts';
import { defineGap } from './gap.ts';
import { defineInit } from './init.ts';
import { defineList } from './list.ts';
import { definePin } from './pin.ts';
import { definePush } from './push.ts';
import { defineRestore } from './restore.ts';
import { defineRestorePoint } from './restore-point.ts';
import { defineStatus } from './status.ts';
import { defineStore } from './store.ts';
import { defineUnpin } from './unpin.ts';
import { defineVerify } from './verify.ts';

/** Commands in the order of the help. A new verb is one line here and one file in this folder. */
export const verbs: readonly DefineVerb[] = [
  defineInit,
  defineCheck,
  definePush,
  defineFetch,
  defineAgent,
  defineBackup,
  defineRestore,
  defineStatus,
  defineList,
  defineRestorePoint,
  definePin,
  defineUnpin,
  defineDelete,
  defineVerify,
  defineCleanup,
  defineCopy,
  defineConflict,
  defineGap,
  defineStore,
  defineConfig,
];
