/** The SDK's client as we need it: no retries of its own, no slow checksums, bounded connections, our limits on time. */
import { S3Client } from '@aws-sdk/client-s3';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { startDeadline } from '../../base/time/deadline.ts';
import type { Secret } from '../../base/secret.ts';
import { createHttpAgents } from '../driver-kit/http-agents.ts';
import { s3Error } from './error.ts';
import type { S3ObjectOptions } from './parameters.ts';

export interface S3StoreOptions extends S3ObjectOptions {
  readonly bucket: string;
  /** Without slashes at its ends; '' puts the keys at the top of the bucket. */
  readonly prefix: string;
  /** Default: as the SDK finds it (AWS_REGION, profile), or `us-east-1` with an endpoint, where it rarely matters. */
  readonly region?: string | undefined;
  /** `https://host[:port]` of a service other than Amazon's. */
  readonly endpoint?: string | undefined;
  /** Bucket in the path instead of the host name. */
  readonly pathStyle?: boolean | undefined;
  /** Default: the SDK's chain (environment, profile, web identity, container and instance roles). */
  readonly credentials?: S3Credentials | undefined;
  /** PEM file of the only authorities to be trusted, instead of the system's. */
  readonly caFile?: string | undefined;
  readonly verifyTls?: boolean | undefined;
  /** How long the service may keep silent, also in the middle of a body. */
  readonly timeoutMs?: number | undefined;
  /**
   * `signed`: the signature covers the SHA-256 of each body. `unsigned`: a CRC-32 alone, which saves CPU; only with TLS
   * and a service that verifies it. Default: by the endpoint's scheme.
   */
  readonly payload?: 'signed' | 'unsigned' | undefined;
  /** `none`: for services that know no conditional writes; creation is then looked up first, and races are lost. */
  readonly conditionalCreate?: 'atomic' | 'none' | undefined;
  /** At least 5 MiB, the service's own minimum. */
  readonly partSizeBytes?: number | undefined;
  /** The URL for messages. Default: `s3://bucket/prefix`. */
  readonly url?: string | undefined;
}

export interface S3Credentials {
  readonly accessKeyId: Secret;
  readonly secretAccessKey: Secret;
  readonly sessionToken?: Secret | undefined;
}

export interface S3Connection {
  readonly client: S3Client;
  readonly bucket: string;
  readonly payload: 'signed' | 'unsigned';
  readonly objects: S3ObjectOptions;
  /** The whole key in the bucket. */
  fullKey(key: string): string;
  /** One request. `idle`: the answer may take as long as bytes keep moving (uploads); else it must come in time. */
  send<T>(call: S3Call, request: (abortSignal: AbortSignal) => Promise<T>): Promise<T>;
}

export interface S3Call {
  readonly action: string;
  readonly signal: AbortSignal;
  readonly limit?: 'idle';
}

const silence = () => undefined;
/** Without one the SDK writes to the console, which is PostgreSQL's log. What went wrong is in the error. */
const silentLogger = { trace: silence, debug: silence, info: silence, warn: silence, error: silence };

const defaultTimeoutMs = 30_000;
const connectTimeoutMs = 10_000;

/** @throws WalvaultError `config` when the CA file cannot be read */
export async function connectS3(options: S3StoreOptions): Promise<S3Connection> {
  const timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
  const agents = await createHttpAgents({ ...options, timeoutMs });
  const isPlainHttp = options.endpoint?.startsWith('http://') ?? false;
  const client = new S3Client({
    ...regionOf(options),
    ...(options.endpoint !== undefined && { endpoint: options.endpoint }),
    ...credentialsOf(options),
    forcePathStyle: options.pathStyle ?? false,
    maxAttempts: 1,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    expectContinueHeader: false,
    logger: silentLogger,
    requestHandler: new NodeHttpHandler({
      connectionTimeout: Math.min(connectTimeoutMs, timeoutMs),
      socketTimeout: timeoutMs,
      httpAgent: agents.http,
      httpsAgent: agents.https,
    }),
  });
  const { bucket } = options;
  return {
    client,
    bucket,
    objects: options,
    payload: options.payload ?? (isPlainHttp ? 'signed' : 'unsigned'),
    fullKey: key => (options.prefix === '' ? key : `${options.prefix}/${key}`),
    async send({ action, signal, limit }, request) {
      signal.throwIfAborted();
      const deadline = limit === 'idle' ? undefined : startDeadline(timeoutMs, action, signal);
      try {
        return await request(deadline?.signal ?? signal);
      } catch (error) {
        if (deadline?.signal.aborted === true && !signal.aborted)
          throw s3Error(Object.assign(new Error('no answer in time'), { code: 'ETIMEDOUT' }), {
            action,
            bucket,
            signal,
          });
        throw s3Error(error, { action, bucket, signal });
      } finally {
        deadline?.clear();
      }
    },
  };
}

function regionOf({ region, endpoint }: S3StoreOptions): { region?: string } {
  if (region !== undefined) return { region };
  return endpoint === undefined ? {} : { region: 'us-east-1' };
}

function credentialsOf({ credentials }: S3StoreOptions) {
  if (credentials === undefined) return {};
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  return {
    credentials: async () => ({
      accessKeyId: accessKeyId.reveal(),
      secretAccessKey: secretAccessKey.reveal(),
      ...(sessionToken && { sessionToken: sessionToken.reveal() }),
    }),
  };
}
