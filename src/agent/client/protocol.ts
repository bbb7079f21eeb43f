/**
 * The messages between the agent and a process that asks it. A request is one JSON line; the reply is lines of
 * `working` and then one line with the answer. Both sides are the same executable (the fingerprint proves it), so the
 * version only tells a later walvault that an earlier one talks.
 */
import { errorCodes, type ErrorCode } from '../../base/errors/errors.ts';
import type { PlainError } from '../../base/errors/plain-error.ts';
import type { FileIdentity } from '../../base/files/identity.ts';
import { logLevels, type LogLevel } from '../../base/log-level.ts';
import { parseJson } from '../../base/json.ts';

export const protocolVersion = 1;

/** Longest line that either side reads. */
export const maxLineBytes = 256 * 1024;

export type Request =
  | {
      readonly verb: 'push';
      /** `readFingerprint` of the asking process. */
      readonly fingerprint: string;
      /** `digestEnvironment` of the asking process. */
      readonly environment: Readonly<Record<string, string>>;
      /** Absolute. */
      readonly path: string;
      /** The path as it was given on the command line, for messages. */
      readonly givenPath: string;
    }
  | {
      readonly verb: 'fetch';
      /** As for a push. */
      readonly fingerprint: string;
      readonly environment: Readonly<Record<string, string>>;
      /** The name of a segment. */
      readonly name: string;
      /** Absolute. */
      readonly destination: string;
      /** The timeline that the recovery follows, if restore_command names one. */
      readonly timeline?: number | undefined;
    }
  | { readonly verb: 'status' }
  | { readonly verb: 'stop' };

export type Reply =
  /** A sign of life. `mayTakeMs`: after this long the asking process stops waiting. */
  | { readonly kind: 'working'; readonly mayTakeMs?: number | undefined }
  /** The file is durable in every required repository. */
  | { readonly kind: 'done'; readonly lines: readonly ReportLine[] }
  | {
      readonly kind: 'failed';
      readonly lines: readonly ReportLine[];
      readonly failure: PlainError;
      /** The failure is one of the lines. */
      readonly isTold: boolean;
    }
  /** A verified segment: the asking process renames it, or removes it if the file has changed since. */
  | { readonly kind: 'ready'; readonly lines: readonly ReportLine[]; readonly file: ReadyFile }
  /** The agent cannot tell; the asking process does the work. */
  | { readonly kind: 'declined'; readonly reason: DeclineReason }
  | { readonly kind: 'status'; readonly status: AgentStatus };

/**
 * - `stale`: the agent has another configuration, environment or executable, and leaves.
 * - `busy`: too many questions wait.
 * - `leaving`: the agent is about to end.
 * - `unfit`: the work failed in a way that a fresh process may not.
 * - `not-ready`: the segment was not fetched ahead, which says nothing about the archive.
 */
export type DeclineReason = 'stale' | 'busy' | 'leaving' | 'unfit' | 'not-ready';

/**
 * A line for the standard error of the asking process. The agent words it, so that the asking process loads no words.
 */
export interface ReportLine {
  readonly level: LogLevel;
  /** Ends with a line break; two lines with a hint. */
  readonly text: string;
}

export interface ReadyFile {
  readonly path: string;
  /** The file's identity when it was verified. */
  readonly identity: FileIdentity;
}

/** Counts of segments fetched ahead since the agent began. */
export interface PrefetchFigures {
  readonly running: readonly string[];
  /** Segments that wait to be asked for. */
  readonly ready: number;
  readonly fetched: number;
  /** Segments handed over. */
  readonly served: number;
  readonly failed: number;
}

export interface AgentStatus {
  readonly pid: number;
  readonly version: string;
  readonly dataDirectory: string;
  readonly configPath: string;
  readonly fingerprint: string;
  readonly startedAt: string;
  /** Files that are being sent now. */
  readonly running: readonly string[];
  /** Files sent ahead and not asked for yet. */
  readonly ahead: number;
  readonly pushed: number;
  readonly failed: number;
  readonly prefetch: PrefetchFigures;
  readonly residentBytes: number;
}

export function encodeLine(message: Request | Reply): string {
  return `${JSON.stringify({ v: protocolVersion, ...message })}\n`;
}

/** Undefined for text that is not a request of this version. */
export function parseRequest(line: string): Request | undefined {
  const message = parseObject(line);
  if (message === undefined) return undefined;
  const { verb, fingerprint, environment: given } = message;
  if (verb === 'status' || verb === 'stop') return { verb };
  if (!isText(fingerprint) || !isRecord(given) || !Object.values(given).every(isText)) return undefined;
  const environment = given as Record<string, string>;
  if (verb === 'push') {
    const { path, givenPath } = message;
    if (!isText(path) || !isText(givenPath)) return undefined;
    return { verb, fingerprint, environment, path, givenPath };
  }
  const { name, destination, timeline } = message;
  if (verb !== 'fetch' || !isText(name) || !isText(destination)) return undefined;
  if (timeline !== undefined && typeof timeline !== 'number') return undefined;
  return { verb, fingerprint, environment, name, destination, ...(timeline !== undefined && { timeline }) };
}

/** Undefined for text that is not a reply of this version. */
export function parseReply(line: string): Reply | undefined {
  const message = parseObject(line);
  if (message === undefined) return undefined;
  switch (message['kind']) {
    case 'working': {
      const mayTakeMs = message['mayTakeMs'];
      return { kind: 'working', ...(typeof mayTakeMs === 'number' && { mayTakeMs }) };
    }
    case 'done': {
      const lines = parseLines(message['lines']);
      return lines === undefined ? undefined : { kind: 'done', lines };
    }
    case 'failed': {
      const lines = parseLines(message['lines']);
      const failure = parseFailure(message['failure']);
      return lines === undefined || failure === undefined
        ? undefined
        : { kind: 'failed', lines, failure, isTold: message['isTold'] === true };
    }
    case 'ready': {
      const lines = parseLines(message['lines']);
      const file = parseReadyFile(message['file']);
      return lines === undefined || file === undefined ? undefined : { kind: 'ready', lines, file };
    }
    case 'declined': {
      const reason = declineReasons.find(known => known === message['reason']);
      return reason === undefined ? undefined : { kind: 'declined', reason };
    }
    case 'status':
      return isRecord(message['status'])
        ? { kind: 'status', status: message['status'] as unknown as AgentStatus }
        : undefined;
    default:
      return undefined;
  }
}

const declineReasons: readonly DeclineReason[] = ['stale', 'busy', 'leaving', 'unfit', 'not-ready'];

function parseObject(line: string): Record<string, unknown> | undefined {
  try {
    const message: unknown = parseJson(line);
    return isRecord(message) && message['v'] === protocolVersion ? message : undefined;
  } catch {
    return undefined;
  }
}

function parseLines(value: unknown): ReportLine[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const lines: ReportLine[] = [];
  for (const each of value as unknown[]) {
    if (!isRecord(each) || !isText(each['text'])) return undefined;
    const level = logLevels.find(known => known === each['level']);
    if (level === undefined) return undefined;
    lines.push({ level, text: each['text'] });
  }
  return lines;
}

function parseReadyFile(value: unknown): ReadyFile | undefined {
  if (!isRecord(value) || !isText(value['path']) || !isRecord(value['identity'])) return undefined;
  const { device, inode, sizeBytes, modifiedNs } = value['identity'];
  if (!isText(device) || !isText(inode) || !isText(sizeBytes) || !isText(modifiedNs)) return undefined;
  return { path: value['path'], identity: { device, inode, sizeBytes, modifiedNs } };
}

function parseFailure(value: unknown): PlainError | undefined {
  if (!isRecord(value)) return undefined;
  const { code, message, hint, retry } = value;
  if (!isText(code) || !Object.hasOwn(errorCodes, code) || !isText(message)) return undefined;
  return { code: code as ErrorCode, message, retry: retry === true, ...(isText(hint) && { hint }) };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}
