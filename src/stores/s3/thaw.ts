/** Thawing of objects in S3's archive tiers ("RestoreObject"). */
import { RestoreObjectCommand, type Tier } from '@aws-sdk/client-s3';
import { StoreError, type ThawOptions, type ThawOutcome } from '../store.ts';
import type { S3Connection } from './connection.ts';
import { s3Code } from './error.ts';
import { headObject, versionParameter, type OfVersion } from './get.ts';
import { requestParameters } from './parameters.ts';
import { isIntelligentTiering } from './tier.ts';

const retrievals: Record<ThawOptions['speed'], Tier> = {
  bulk: 'Bulk',
  standard: 'Standard',
  expedited: 'Expedited',
};

/** @throws StoreError as `Store.thaw` */
export async function thawObject(
  connection: S3Connection,
  key: string,
  { days, speed, versionId, signal }: ThawOptions & OfVersion,
): Promise<ThawOutcome> {
  const stat = await headObject(connection, key, { versionId, signal });
  const action = `thaw ${key}`;
  if (stat === undefined) throw new StoreError('absent', `${action}: no such object`);
  const { tier = '', cold } = stat;
  if (cold !== 'frozen') return cold === 'thawing' ? 'under-way' : 'readable';
  try {
    await connection.send({ action, signal }, abortSignal =>
      connection.client.send(
        new RestoreObjectCommand({
          Bucket: connection.bucket,
          Key: connection.fullKey(key),
          ...versionParameter({ versionId }),
          ...requestParameters(connection.objects),
          RestoreRequest: {
            // INTELLIGENT_TIERING moves the object itself and refuses a number of days.
            ...(!isIntelligentTiering(tier) && { Days: days }),
            GlacierJobParameters: { Tier: retrievals[speed] },
          },
        }),
        { abortSignal },
      ),
    );
    return 'requested';
  } catch (error) {
    const code = s3Code(error);
    if (code === 'RestoreAlreadyInProgress') return 'under-way';
    if (speed === 'expedited' && isAboutSpeed(code))
      throw new StoreError('invalid', `${action}: ${tier} is not thawed that quickly now (${code})`, {
        code: 'usage',
        cause: error,
        hint: 'Ask with --speed standard or bulk.',
      });
    throw error;
  }
}

/** True if the service cannot thaw at this speed: no capacity at the moment, or DEEP_ARCHIVE, which has no such speed. */
function isAboutSpeed(code: string | undefined): boolean {
  return code === 'GlacierExpeditedRetrievalNotAvailable' || code === 'InvalidArgument';
}
