/** What the files of sentences are made of: for each kind of event a function from its fields to words. */
import type { LogLevel } from '../../base/log-level.ts';
import type { Event } from '../events/events.ts';

export interface Words {
  readonly level: LogLevel;
  /** One line that names the object. */
  readonly message: string;
  /** A full sentence: what the reader can do about it. */
  readonly hint?: string | undefined;
}

/** A kind without a sentence is a type error. */
export type WordsTable<E extends Event> = {
  readonly [K in E['kind']]: (event: Extract<E, { readonly kind: K }>) => Words;
};

export const debug = (message: string): Words => ({ level: 'debug', message });
export const info = (message: string, hint?: string): Words => ({ level: 'info', message, hint });
export const warn = (message: string, hint?: string): Words => ({ level: 'warn', message, hint });
export const error = (message: string, hint?: string): Words => ({ level: 'error', message, hint });
