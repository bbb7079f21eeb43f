/**
 * Deletion from S3: a thousand keys in one request, each with its own result. In a bucket with versioning a plain
 * deletion only hides the object behind a delete marker and frees nothing: there every version is deleted by its id, unless
 * the configuration leaves them to the bucket's lifecycle rule.
 */
import { createHash } from 'node:crypto';
import {
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketVersioningCommand,
  type DeleteObjectsCommandOutput,
} from '@aws-sdk/client-s3';
import { separateKeys } from '../driver-kit/key.ts';
import { refusalsOf } from '../driver-kit/delete-each.ts';
import { isStoreError, StoreError, type DeleteFailure } from '../store.ts';
import type { S3Connection } from './connection.ts';
import { kindOfCode, s3Code } from './error.ts';
import { requestParameters } from './parameters.ts';
import { explainLocks, versionsOf, type ObjectVersion, type Refusal } from './versions.ts';

/** S3's limit on keys in one request (API reference, DeleteObjects). */
const perRequest = 1000;

/** @throws StoreError when a whole request fails: `unreachable`, `no-container`, `denied`… */
export async function deleteObjects(
  connection: S3Connection,
  keys: readonly string[],
  signal: AbortSignal,
): Promise<DeleteFailure[]> {
  const { legal, failures } = separateKeys(keys);
  if (legal.length === 0) return failures;
  const { keepsVersions } = connection.objects;
  const keeping = keepsVersions === true ? 'nothing' : await versionKeeping(connection, signal);
  for (let at = 0; at < legal.length; at += perRequest) {
    const batch = legal.slice(at, at + perRequest);
    failures.push(
      ...(keeping === 'versions'
        ? await deleteAllVersions(connection, batch, signal)
        : onePerKey(await deleteBatch(connection, batch.map(onlyKey), signal))),
    );
  }
  return failures;
}

function onlyKey(key: string): Target {
  return { key };
}

/** `unknown`: no permission to ask, or a service without versions. Then the answers to the deletions tell. */
export async function versionKeeping(
  connection: S3Connection,
  signal: AbortSignal,
): Promise<'versions' | 'nothing' | 'unknown'> {
  try {
    const { Status } = await connection.send({ action: 'ask for versioning', signal }, abortSignal =>
      connection.client.send(new GetBucketVersioningCommand({ Bucket: connection.bucket }), { abortSignal }),
    );
    return Status === undefined ? 'nothing' : 'versions';
  } catch (error) {
    if (isStoreError(error, 'denied') || isStoreError(error, 'invalid')) return 'unknown';
    throw error;
  }
}

async function deleteAllVersions(
  connection: S3Connection,
  keys: readonly string[],
  signal: AbortSignal,
): Promise<DeleteFailure[]> {
  const refused: Refusal[] = [];
  let versions: ObjectVersion[] = [];
  const flush = async () => {
    if (versions.length > 0) refused.push(...(await deleteBatch(connection, versions, signal)));
    versions = [];
  };
  for await (const version of versionsOf(connection, keys, signal)) {
    versions.push(version);
    if (versions.length === perRequest) await flush();
  }
  await flush();
  return onePerKey(await explainLocks(connection, refused, signal));
}

function onePerKey(refused: readonly Refusal[]): DeleteFailure[] {
  return [...new Map(refused.map(({ key, error }) => [key, { key, error }])).values()];
}

interface Target {
  readonly key: string;
  readonly versionId?: string | undefined;
}

async function deleteBatch(
  connection: S3Connection,
  targets: readonly Target[],
  signal: AbortSignal,
): Promise<Refusal[]> {
  let output: DeleteObjectsCommandOutput;
  try {
    output = await sendBatch(connection, targets, signal, false);
  } catch (error) {
    const code = s3Code(error);
    if (code === 'NotImplemented') return await deleteOneByOne(connection, targets, signal);
    // Older services require an MD5, which Amazon no longer does.
    if (code !== 'MissingContentMD5' && code !== 'InvalidRequest' && code !== 'InvalidDigest') throw error;
    output = await sendBatch(connection, targets, signal, true);
  }
  const baseLength = connection.fullKey('').length;
  const refused = (output.Errors ?? [])
    .filter(failure => failure.Code !== 'NoSuchKey' && failure.Code !== 'NoSuchVersion')
    .map(({ Key = '', VersionId, Code = 'unknown', Message = '' }): Refusal => {
      const key = Key.slice(baseLength);
      const kind = kindOfCode(Code);
      return {
        key,
        versionId: VersionId,
        error: new StoreError(kind, `delete ${key}: ${Code} ${Message}`.trim()),
      };
    });
  return connection.objects.keepsVersions === true ? refused : [...refused, ...hidden(output, baseLength)];
}

/** Keys deleted without a version id for which the service made a delete marker: they are hidden, and nothing is freed. */
function hidden(output: DeleteObjectsCommandOutput, baseLength: number): Refusal[] {
  return (output.Deleted ?? [])
    .filter(({ DeleteMarker, VersionId }) => DeleteMarker === true && VersionId === undefined)
    .map(({ Key = '' }) => {
      const key = Key.slice(baseLength);
      return {
        key,
        error: new StoreError('denied', `delete ${key}: only hidden, the bucket keeps its versions`, {
          hint: 'Allow s3:GetBucketVersioning, s3:ListBucketVersions and s3:DeleteObjectVersion, so that they go too.',
        }),
      };
    });
}

async function sendBatch(
  connection: S3Connection,
  targets: readonly Target[],
  signal: AbortSignal,
  withMd5: boolean,
): Promise<DeleteObjectsCommandOutput> {
  return await connection.send({ action: `delete ${targets.length} objects`, signal }, async abortSignal => {
    const command = new DeleteObjectsCommand({
      Bucket: connection.bucket,
      ...requestParameters(connection.objects),
      Delete: {
        // Quiet only with a version id: otherwise the answer must tell whether the key is gone or only hidden.
        Quiet: targets[0]?.versionId !== undefined,
        Objects: targets.map(({ key, versionId }) => ({
          Key: connection.fullKey(key),
          ...(versionId !== undefined && { VersionId: versionId }),
        })),
      },
    });
    if (withMd5) addContentMd5(command);
    return await connection.client.send(command, { abortSignal });
  });
}

function addContentMd5(command: DeleteObjectsCommand): void {
  command.middlewareStack.add(
    next => async args => {
      const request = args.request as { body: string; headers: Record<string, string> };
      request.headers['content-md5'] = createHash('md5').update(request.body).digest('base64');
      return await next(args);
    },
    { step: 'build', priority: 'low', name: 'set-content-md5' },
  );
}

async function deleteOneByOne(
  connection: S3Connection,
  targets: readonly Target[],
  signal: AbortSignal,
): Promise<Refusal[]> {
  return await refusalsOf(targets, ({ key, versionId }) =>
    connection.send({ action: `delete ${key}`, signal }, abortSignal =>
      connection.client.send(
        new DeleteObjectCommand({
          Bucket: connection.bucket,
          Key: connection.fullKey(key),
          ...(versionId !== undefined && { VersionId: versionId }),
          ...requestParameters(connection.objects),
        }),
        { abortSignal },
      ),
    ),
  );
}
