/** Builds the configuration from the values of the table, and checks the rules that concern several settings. */
import { WalvaultError } from '../base/errors/errors.ts';
import type { Config, RepositoryConfig } from './config.ts';
import { retentionOf } from './retention-policy.ts';
import type { RepositoryValues } from './repository-settings.ts';
import type { SettingValues } from './settings.ts';

export function assembleConfig(
  values: SettingValues,
  repositories: readonly (RepositoryValues & { readonly name: string })[],
): Config {
  const walRecipients = values['encryption.wal-recipients'];
  const backupRecipients = values['encryption.backup-recipients'];
  const trustedSigners = values['signing.trusted-signers'];
  return {
    cluster: values.cluster,
    dataDirectory: values['data-directory'],
    repositories: repositories.map(repository =>
      assembleRepository(repository, values['status.price-per-gib']),
    ),
    compressionLevel: values['compression.level'],
    encryption: {
      mode: values['encryption.mode'],
      walRecipients,
      backupRecipients: backupRecipients.length > 0 ? backupRecipients : walRecipients,
      passphrases: values['encryption.passphrase'],
      privateKeys: values['encryption.private-keys'],
      privateKeyPassphrases: values['encryption.private-key-passphrase'],
      hostSecret: values['encryption.host-secret'],
    },
    signing: {
      key: values['signing.key'],
      passphrase: values['signing.passphrase'],
      // With a signer to trust, what nobody signed was planted, or comes from a host whose key is missing here.
      verify: values['signing.verify'] ?? (trustedSigners.length > 0 ? 'require' : 'warn'),
      trustedSigners,
    },
    archive: {
      timeoutMs: values['archive.timeout'],
      headerCheck: values['archive.header-check'],
      queueLimitBytes: values['archive.queue-limit'],
      jobs: values['archive.jobs'],
      batch: values['archive.batch'],
    },
    agent: { mode: values['agent.mode'], idleTimeoutMs: values['agent.idle-timeout'] },
    fetch: {
      timeoutMs: values['fetch.timeout'],
      standbyTimeoutMs: values['fetch.standby-timeout'],
      prefetchBytes: values['fetch.prefetch'],
      jobs: values['fetch.jobs'],
    },
    store: {
      requestTimeoutMs: values['store.request-timeout'],
      maxRequests: values['store.max-requests'],
      uploadBytesPerSecond: values['store.limit-rate-upload'],
      downloadBytesPerSecond: values['store.limit-rate-download'],
    },
    log: { format: values['log.format'], file: values['log.file'], level: values['log.level'] },
    backup: {
      partSizeBytes: values['backup.part-size'],
      jobs: values['backup.jobs'],
      bytesPerSecond: values['backup.limit-rate'],
      lowPriority: values['backup.low-priority'],
      manifestChecksums: values['backup.manifest-checksums'],
      walTimeoutMs: values['backup.wal-timeout'],
      checkPages: values['backup.check-pages'],
      nameMap: values['backup.name-map'],
      fastCheckpoint: values['backup.fast-checkpoint'],
      type: values['backup.type'],
      fullEveryMs: values['backup.full-every'],
      differentialEveryMs: values['backup.differential-every'],
      mostChangedShare: values['backup.most-changed'] / 100,
      walSummaries: values['backup.wal-summaries'],
      auditEveryMs: values['backup.audit-every'],
    },
    restore: { jobs: values['restore.jobs'] },
    retention: {
      ...retentionOf(values),
      minimumBackups: values['retention.minimum-backups'],
      timeZone: values['retention.time-zone'],
    },
    status: {
      backupIntervalMs: values['status.backup-interval'],
      maxLagMs: values['status.max-lag'],
    },
    postgres: {
      connection: values['postgres.connection'],
      primaryConnection: values['postgres.primary-connection'],
    },
  };
}

function assembleRepository(
  values: RepositoryValues & { readonly name: string },
  usualPrice: number | undefined,
): RepositoryConfig {
  const accessKeyId = values['access-key-id'];
  const secretAccessKey = values['secret-access-key'];
  const sessionToken = values['session-token'];
  const customerKey = values['customer-key'];
  const caFile = values['ca-file'];
  const pricePerGib = values['price-per-gib'] ?? usualPrice;
  const credentialsFile = values['credentials-file'];
  const accountKey = values['account-key'];
  const sasToken = values['sas-token'];
  const connectionString = values['connection-string'];
  const wal = values['wal-storage-class'];
  const backup = values['backup-storage-class'];
  const retention = retentionOf(values);
  return {
    name: values.name,
    url: values.url,
    id: values.id,
    required: values.required,
    ...(accessKeyId && { accessKeyId }),
    ...(secretAccessKey && { secretAccessKey }),
    ...(sessionToken && { sessionToken }),
    ...(customerKey && { customerKey }),
    ...(credentialsFile !== undefined && { credentialsFile }),
    ...(accountKey && { accountKey }),
    ...(sasToken && { sasToken }),
    ...(connectionString && { connectionString }),
    ...((wal ?? backup) !== undefined && { storageClasses: { wal, backup } }),
    ...(pricePerGib !== undefined && { pricePerGib }),
    ...(caFile !== undefined && { caFile }),
    verifyTls: values['verify-tls'],
    ...(values['standby-only'] && { standbyOnly: true }),
    ...(Object.keys(retention).length > 0 && { retention }),
  };
}

/** @throws WalvaultError `config` if settings contradict each other */
export function checkTogether(config: Config, path: string | undefined): void {
  const where = path === undefined ? 'in the environment' : `in ${path}`;
  if (!config.repositories.some(repository => repository.required))
    throw new WalvaultError('config', `no repository is required ${where}`, {
      hint: 'A push must not succeed before the file is durable somewhere: let at least one repository be required.',
    });
  for (const { name, accessKeyId, secretAccessKey } of config.repositories)
    if ((accessKeyId === undefined) !== (secretAccessKey === undefined))
      throw new WalvaultError('config', `repository "${name}" has only half of its credentials ${where}`, {
        hint: 'Set both access-key-id and secret-access-key, or neither.',
      });
  const { mode, passphrases } = config.encryption;
  if (mode === 'passphrase' && passphrases.length === 0)
    throw new WalvaultError('config', `encryption.mode is "passphrase" and there is no passphrase ${where}`, {
      hint: 'Set encryption.passphrase, for example to { file = "/etc/walvault/passphrase" }.',
    });
}
