/** The S3 SDK's client with our own rules: no retries by the SDK, no slow checksums, bounded connections, time limits. */
import type { IsDownload } from '../driver-kit/bounded-answers.ts';
import { S3Client } from '@aws-sdk/client-s3';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { startDeadline } from '../../base/time/deadline.ts';
import { createHttpAgents } from '../driver-kit/http-agents.ts';
import { networkFailure, noAnswerInTime } from '../driver-kit/network-failure.ts';
import { refusePlainHttp } from '../driver-kit/plain-http.ts';
import { defaultTimeoutMs, fullKeyIn, type ServiceOptions } from '../driver-kit/service-options.ts';
import { sdkCredentials, type S3Credentials } from './credentials.ts';
import { CredentialsFailure, whyNoCredentials } from './credential-source.ts';
import { noCredentials, s3Error } from './error.ts';
import type { S3ObjectOptions } from './parameters.ts';

export interface S3StoreOptions extends ServiceOptions, S3ObjectOptions {
  readonly bucket: string;
  /** Default: the SDK's (AWS_REGION, profile), or `us-east-1` with an endpoint, where the region rarely matters. */
  readonly region?: string | undefined;
  /** True: the bucket is in the path, not in the host name. */
  readonly pathStyle?: boolean | undefined;
  /** Default: the SDK's chain (environment, profile, web identity, container and instance roles). */
  readonly credentials?: S3Credentials | undefined;
  /**
   * `signed`: the signature covers the SHA-256 of each body. `unsigned`: a CRC-32 alone, which saves CPU; only with TLS
   * and a service that verifies the CRC-32. Default: by the endpoint's scheme.
   */
  readonly payload?: 'signed' | 'unsigned' | undefined;
  /** Read the bucket as it was at this moment, and write nothing. Undefined: as it is. */
  readonly readAt?: Date | undefined;
  /** `none`: for services without conditional writes. A put with `ifAbsent` looks first, and races are not detected. */
  readonly conditionalCreate?: 'atomic' | 'none' | undefined;
}

export interface S3Connection {
  readonly client: S3Client;
  readonly bucket: string;
  readonly payload: 'signed' | 'unsigned';
  readonly objects: S3ObjectOptions;
  /** The whole key in the bucket. */
  fullKey(key: string): string;
  /** Sends one request. `idle`: the limit is on time without a moving byte (uploads); otherwise on the answer. */
  send<T>(call: S3Call, request: (abortSignal: AbortSignal) => Promise<T>): Promise<T>;
}

export interface S3Call {
  readonly action: string;
  readonly signal: AbortSignal;
  readonly limit?: 'idle';
}

const silence = () => undefined;
/** A logger that writes nothing: by default the SDK writes to the console, which is PostgreSQL's log. */
const silentLogger = { trace: silence, debug: silence, info: silence, warn: silence, error: silence };

const connectTimeoutMs = 10_000;

/** The SDK names the operation in the query. */
const isDownload: IsDownload = ({ path }) => /[?&]x-id=GetObject(&|$)/.test(path);

/** @throws WalvaultError `config` when the CA file cannot be read */
export async function connectS3(options: S3StoreOptions): Promise<S3Connection> {
  const timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
  const agents = await createHttpAgents({ ...options, timeoutMs, isDownload });
  const { AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL } = process.env;
  const isPlainHttp = /^http:/i.test(options.endpoint ?? AWS_ENDPOINT_URL_S3 ?? AWS_ENDPOINT_URL ?? '');
  const client = new S3Client({
    ...regionOf(options),
    ...(options.endpoint !== undefined && { endpoint: options.endpoint }),
    ...(options.credentials && { credentials: sdkCredentials(options.credentials) }),
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
  markCredentialsFailures(client);
  refuseOpenEndpoints(client, options.verifyTls);
  const { bucket } = options;
  return {
    client,
    bucket,
    objects: options,
    payload: options.payload ?? (isPlainHttp ? 'signed' : 'unsigned'),
    fullKey: key => fullKeyIn(options, key),
    async send({ action, signal, limit }, request) {
      signal.throwIfAborted();
      const deadline = limit === 'idle' ? undefined : startDeadline(timeoutMs, action, signal);
      try {
        return await request(deadline?.signal ?? signal);
      } catch (error) {
        if (deadline?.signal.aborted === true && !signal.aborted)
          throw networkFailure(noAnswerInTime(), action);
        if (error instanceof CredentialsFailure && !signal.aborted)
          throw noCredentials(await whyNoCredentials(error.cause), error.cause, action);
        throw s3Error(error, { action, bucket, signal });
      } finally {
        deadline?.clear();
      }
    },
  };
}

/** The SDK finds an endpoint also in the environment and in a profile. */
function refuseOpenEndpoints({ middlewareStack }: S3Client, verifyTls: boolean | undefined): void {
  middlewareStack.add(
    next => async call => {
      const { protocol, hostname } = call.request as { readonly protocol: string; readonly hostname: string };
      refusePlainHttp(`${protocol}//${hostname}`, verifyTls);
      return await next(call);
    },
    { step: 'build', name: 'refuseOpenEndpoints' },
  );
}

/** Tells failures of credentials from failures of the store: both may be answers of a service, or no answer at all. */
function markCredentialsFailures({ config }: S3Client): void {
  const inner = config.credentials;
  config.credentials = async (...call) => {
    try {
      return await inner(...call);
    } catch (error) {
      throw new CredentialsFailure('no credentials', { cause: error });
    }
  };
}

function regionOf({ region, endpoint }: S3StoreOptions): { region?: string } {
  if (region !== undefined) return { region };
  return endpoint === undefined ? {} : { region: 'us-east-1' };
}
