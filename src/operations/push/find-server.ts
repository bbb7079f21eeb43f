/** The cluster whose WAL is to be archived, for commands that PostgreSQL does not call. */
import { readControlFile } from '../../postgres/cluster/control-file.ts';
import { requireDataDirectory } from '../../postgres/cluster/find-data-directory.ts';

export interface FoundServer {
  readonly dataDirectory: string;
  readonly segmentSizeBytes: number;
}

/** @throws WalvaultError `invalid-file` where there is no cluster, `damaged`, `local-io` */
export async function findServer(options: {
  readonly dataDirectory: string | undefined;
  readonly configured: string | undefined;
  readonly signal: AbortSignal;
}): Promise<FoundServer> {
  const dataDirectory = requireDataDirectory({
    workingDirectory: options.dataDirectory ?? process.cwd(),
    walPath: 'pg_wal/.',
    configured: options.configured,
  });
  const { geometry } = await readControlFile(dataDirectory, options.signal);
  return { dataDirectory, segmentSizeBytes: geometry.segmentSizeBytes };
}
