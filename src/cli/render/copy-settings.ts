/** What a restored copy got in place of its origin's configuration, for people. */
import type { RestoreSummary } from '../../operations/restore/summary.ts';

/** The overridden settings: those that the origin had set, or may have set, with the reason, the others by name. */
export function renderOverrides({ overrides, restored }: RestoreSummary): string[] {
  const told = overrides.filter(({ isSetByOrigin }) => isSetByOrigin !== false);
  const others = overrides.filter(({ isSetByOrigin }) => isSetByOrigin === false);
  return [
    `${restored ? 'Overridden' : 'Would be overridden'} in postgresql.auto.conf, because of what each would do in a copy:`,
    ...byReason(told).map(
      ([why, settings]) =>
        `  ${settings.map(({ name, value }) => `${name} = ${describeValue(value)}`).join(', ')}: it ${why}`,
    ),
    ...(others.length === 0 ? [] : [`  not set by the origin: ${others.map(({ name }) => name).join(', ')}`]),
    'To undo one: "alter system reset <name>" and a restart; --keep-setting leaves one from the start. Options on the',
    "server's command line (containers, Patroni, pg_ctl.conf) beat this file: look for these settings there.",
  ];
}

function byReason(overrides: RestoreSummary['overrides']) {
  return [...Map.groupBy(overrides, ({ why }) => why)];
}

function describeValue(value: string | null): string {
  if (value === null) return '(what replay needs)';
  return value === '' ? "''" : value;
}

/** The steps that the configuration leaves for a person. */
export function describeConfiguration(summary: RestoreSummary): string[] {
  const { directory, configuration, externalFiles, absentFiles, unknownLibraries } = summary;
  const saved = `${directory}/walvault_external`;
  return [
    ...(externalFiles.length === 0
      ? []
      : [
          `Its configuration was outside the data directory: ${externalFiles.join(', ')}. Copies are in ${saved}.`,
        ]),
    ...bySource(summary),
    ...(configuration?.notIncluded ?? []).map(path => `It included ${path}, which is not in the backup.`),
    ...absentFiles.map(
      ({ setting, path }) =>
        `${setting} names ${path}, which this host does not have: it may not start without.`,
    ),
    ...(unknownLibraries.length === 0
      ? []
      : [`It preloads ${unknownLibraries.join(', ')}: make sure that they run no jobs here.`]),
  ];
}

function bySource({ directory, configuration }: RestoreSummary): string[] {
  switch (configuration?.source) {
    case 'copied':
      return [
        `${directory}/postgresql.conf was made from them; a server that is started with files of its own, as by`,
        'pg_ctlcluster, does not read it.',
      ];
    case 'left':
    case 'none':
      return [
        'It has no postgresql.conf of its own. Give it one by config_file, and always data_directory too: the one that a',
        "configuration names may be the origin's.",
      ];
    default:
      return [];
  }
}
