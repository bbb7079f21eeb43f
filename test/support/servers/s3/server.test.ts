/** The tests of the S3 imitation: it must refuse wrong requests, or a test against it proves nothing. */
import assert from 'node:assert/strict';
import { PutObjectCommand, S3Client, type PutObjectCommandInput } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { startS3Server, type S3Server } from './server.ts';

describe('the S3 imitation', () => {
  let server: S3Server;
  beforeAll(async () => {
    server = await startS3Server();
  });
  afterAll(() => server.close());

  function client(
    options: { secret?: string; accessKeyId?: string; region?: string; clockOffsetMs?: number } = {},
  ): S3Client {
    return new S3Client({
      region: options.region ?? server.region,
      endpoint: server.endpoint,
      forcePathStyle: true,
      maxAttempts: 1,
      requestChecksumCalculation: 'WHEN_REQUIRED',
      systemClockOffset: options.clockOffsetMs ?? 0,
      credentials: {
        accessKeyId: options.accessKeyId ?? server.accessKeyId,
        secretAccessKey: options.secret ?? server.secretAccessKey,
      },
    });
  }

  async function refusalOf(
    s3: S3Client,
    input: Partial<PutObjectCommandInput> = {},
    tamper?: (request: { body: unknown; headers: Record<string, string> }) => void,
  ) {
    const command = new PutObjectCommand({ Bucket: server.bucket, Key: 'k', Body: 'good', ...input });
    if (tamper !== undefined)
      command.middlewareStack.add(
        next => async args => {
          tamper(args.request as { body: unknown; headers: Record<string, string> });
          return await next(args);
        },
        // After signing: what a hand on the wire could do.
        { step: 'finalizeRequest', priority: 'low' },
      );
    try {
      await s3.send(command);
      return 'accepted';
    } catch (error) {
      return error instanceof Error ? error.name : 'unknown';
    } finally {
      s3.destroy();
    }
  }

  it('accepts what is right', async () => {
    assert.equal(await refusalOf(client()), 'accepted');
  });
  it('refuses a wrong secret, an unknown key, a wrong region, an old request', async () => {
    assert.equal(await refusalOf(client({ secret: 'wrong' })), 'SignatureDoesNotMatch');
    assert.equal(await refusalOf(client({ accessKeyId: 'AKIANOBODY' })), 'InvalidAccessKeyId');
    assert.equal(await refusalOf(client({ region: 'eu-west-1' })), 'AuthorizationHeaderMalformed');
    assert.equal(await refusalOf(client({ clockOffsetMs: -3_600_000 })), 'RequestTimeTooSkewed');
  });
  it('refuses a body, a header or a condition that was changed on the way', async () => {
    assert.equal(
      await refusalOf(client(), {}, request => (request.body = 'evil')),
      'XAmzContentSHA256Mismatch',
    );
    const meta = await refusalOf(
      client(),
      { Metadata: { a: 'b' } },
      request => (request.headers['x-amz-meta-a'] = 'c'),
    );
    assert.equal(meta, 'SignatureDoesNotMatch');
    assert.equal(
      await refusalOf(client(), {}, request => (request.headers['x-amz-meta-new'] = 'c')),
      'AccessDenied',
    );
  });
  it('refuses a wrong checksum and a taken name', async () => {
    assert.equal(await refusalOf(client(), { ChecksumCRC32: 'AAAAAA==' }), 'BadDigest');
    assert.equal(await refusalOf(client(), { ContentMD5: 'AAAAAAAAAAAAAAAAAAAAAA==' }), 'BadDigest');
    assert.equal(await refusalOf(client(), { IfNoneMatch: '*' }), 'PreconditionFailed');
    assert.equal(await refusalOf(client(), { Bucket: 'no-such-bucket' }), 'NoSuchBucket');
  });
});
