/** Each version that is supported with segments of each size, examined by the programs of the newest versions. */
import { embeddedBinaries, requireInstalled } from '../servers/postgres-binaries.ts';
import { newerTools } from '../servers/postgres-tools.ts';
import { liveThrough } from '../site/version-cycle.ts';

export interface VersionFigures {
  readonly versions: number;
  readonly cycles: number;
}

const majors = [13, 14, 15, 16, 17, 18] as const;
export const allSegmentSizesMiB = [1, 2, 4, 8, 16, 32, 64];

/** Needs root, and the machine's mirror of Debian. */
export async function liveThroughVersions(
  segmentSizesMiB: readonly number[],
  onCycle: (line: string) => void,
): Promise<VersionFigures> {
  const newest = await newerTools('sid', 18);
  // Only the one of 17 takes the control file of 17.
  const of17 = await newerTools('trixie', 17);
  let cycles = 0;
  for (const major of majors)
    for (const [index, segmentSizeMiB] of segmentSizesMiB.entries()) {
      const binDir = embeddedBinaries(major);
      requireInstalled(binDir);
      const tools = major === 17 ? of17 : newest;
      await liveThrough({ binDir, segmentSizeMiB, tools, isThorough: index === 0 });
      cycles++;
      onCycle(`PostgreSQL ${major}, segments of ${segmentSizeMiB} MiB`);
    }
  return { versions: majors.length, cycles };
}
