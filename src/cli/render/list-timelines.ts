/** The archived WAL of a system, and its timelines as a tree, for people. */
import { formatSize } from '../../base/units.ts';
import type { SystemListing } from '../../operations/list/listing.ts';
import type { Hole, LostRange, TimelineListing } from '../../operations/list/timelines.ts';
import { treeOf } from '../../operations/list/tree.ts';
import { indented, rangeOf, remarkOf } from './list-words.ts';
import { renderTable } from './table.ts';

export function walLines({ backups, timelines }: SystemListing, width: number | undefined): string[] {
  if (timelines === undefined) return [];
  return [
    backups === undefined ? '' : '\n',
    timelines.length === 0 ? 'no WAL\n' : renderTable(walColumns, timelines.map(timelineRow), width),
    ...timelines.flatMap(troubleLines),
    ...timelines.flatMap(coldLines),
  ];
}

const walColumns = [
  { title: 'TIMELINE', align: 'right' },
  { title: 'FROM', leaveOut: 3 },
  { title: 'FIRST SEGMENT', leaveOut: 2 },
  { title: 'LAST SEGMENT' },
  { title: 'SEGMENTS', align: 'right' },
  { title: 'STORED', align: 'right', leaveOut: 1 },
  { title: 'LAST ARCHIVED', leaveOut: 4 },
  { title: 'MISSING', align: 'right' },
] as const;

function timelineRow(timeline: TimelineListing): string[] {
  const { parent, switchpoint } = timeline;
  return [
    String(timeline.timeline),
    parent === undefined || switchpoint === undefined ? '' : `${parent} at ${switchpoint}`,
    timeline.firstSegment ?? '',
    timeline.lastSegment ?? '',
    String(timeline.segmentCount),
    formatSize(timeline.storedBytes),
    timeline.lastArchivedAt?.toISOString() ?? '',
    String(timeline.holes.reduce((sum, hole) => sum + hole.segmentCount, 0)),
  ];
}

/** What is wrong with how a timeline follows from others. */
function branchLines({ timeline, historyProblem, wentOnBeside }: TimelineListing): string[] {
  return [
    ...(historyProblem === undefined
      ? []
      : [`timeline ${timeline} cannot be followed, its history cannot be read: ${historyProblem}\n`]),
    ...wentOnBeside.map(({ description }) => `${description}\n`),
  ];
}

function troubleLines(listing: TimelineListing): string[] {
  const { timeline, holes, removed, lost } = listing;
  return [
    ...branchLines(listing),
    ...holes.map(
      hole => `timeline ${timeline} lacks ${rangeOf(hole)}: ${hole.shownBy}${acceptanceOf(hole)}\n`,
    ),
    ...removed.map(range => `timeline ${timeline}: cleanup removed ${rangeOf(range)}\n`),
    ...lost.map(one => `timeline ${timeline}: ${rangeOf(one)} was ${one.description}${doubtOf(one)}\n`),
  ];
}

function acceptanceOf({ acknowledged }: Hole): string {
  if (acknowledged === undefined) return '';
  const { user, host, reason, acknowledgedAt } = acknowledged;
  return `; ${user} on ${host} acknowledged the loss ${acknowledgedAt.toISOString()}: ${reason}`;
}

function doubtOf({ signature }: LostRange): string {
  return signature === undefined || signature.status === 'good'
    ? ''
    : ` (the note of it: ${remarkOf(signature)})`;
}

const treeColumns = [
  { title: 'TIMELINE' },
  { title: 'LEFT ITS PARENT AT' },
  { title: 'HISTORY ARCHIVED', leaveOut: 2 },
  { title: 'LAST SEGMENT', leaveOut: 3 },
  { title: 'SEGMENTS', align: 'right' },
  { title: 'BACKUPS', align: 'right' },
  { title: 'LAST ARCHIVED', leaveOut: 1 },
] as const;

/** Each timeline below the one that it left. */
export function timelineTreeLines({ timelines = [] }: SystemListing, width: number | undefined): string[] {
  if (timelines.length === 0) return ['no timelines\n'];
  const tree = treeOf(timelines, {
    idOf: ({ timeline }) => timeline,
    parentOf: ({ parent }) => parent,
  });
  const rows = tree.map(({ item, depth }) => [
    indented(String(item.timeline), depth),
    item.switchpoint ?? '',
    item.historyArchivedAt?.toISOString() ?? '',
    item.lastSegment ?? '',
    String(item.segmentCount),
    String(item.backupCount),
    item.lastArchivedAt?.toISOString() ?? '',
  ]);
  return [renderTable(treeColumns, rows, width), ...timelines.flatMap(branchLines)];
}

function coldLines({ timeline, cold }: TimelineListing): string[] {
  return Object.entries(cold).map(
    ([tier, count]) =>
      `timeline ${timeline} has ${count} segments in ${tier}, which must be thawed to be read\n`,
  );
}
