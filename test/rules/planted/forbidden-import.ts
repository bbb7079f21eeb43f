/** Planted: `npm run rules` must reject it in `base`, which may import nothing of ours, and no client library. */
import { Client } from 'pg';
import type { Store } from '../stores/store.ts';

export const planted: [typeof Client, Store | undefined] = [Client, undefined];
export const lazily = () => import('../stores/store.ts');
