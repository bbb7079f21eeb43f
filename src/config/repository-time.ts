/** A configuration whose repositories are read as they were at a time. Pure. */
import type { Config } from './config.ts';

/**
 * The configuration for reading the past, in milliseconds since 1970; undefined leaves it as it is.
 * @param name only of this repository; undefined: of all
 */
export function atRepositoryTime<Settings extends Pick<Config, 'repositories'>>(
  config: Settings,
  readAtMs: number | undefined,
  name?: string,
): Settings {
  if (readAtMs === undefined) return config;
  const repositories = config.repositories.map(one =>
    name === undefined || one.name === name ? { ...one, readAtMs } : one,
  );
  return { ...config, repositories };
}
