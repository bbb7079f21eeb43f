/** Manifests of backups and histories of timelines. */
import { backupId, tree, writeVector } from './vector-file.ts';

export function writeManifests(): void {
  const header = `{"format":1,"backup":"${backupId}"}\n`;
  const sha = 'cd'.repeat(32);
  const base = '{"path":"base","type":"directory","size":0,"mode":"700","mtime":1763776800000}\n';
  const file = `{"path":"base/1/112","type":"file","size":8192,"mode":"600","mtime":1763776800000,"sha256":"${sha}","part":1}\n`;
  function manifestVector(name: string, comment: string, expect: string, body: string): void {
    writeVector(
      name,
      { comment, 'read-as': 'manifest', key: `${tree}/backups/${backupId}/manifest.ndjson`, expect },
      body,
    );
  }
  manifestVector('manifest', 'A directory and a file.', 'success', `${header}${base}${file}{"entries":2}\n`);
  manifestVector(
    'manifest-other-backup',
    "Another backup's manifest.",
    'foreign',
    `${header.replace('3f2a91', '000000')}${base}{"entries":1}\n`,
  );
  manifestVector('manifest-no-trailer', 'Cut at the end of a line.', 'damaged', `${header}${base}${file}`);
  manifestVector(
    'manifest-count',
    'The trailer counts more than there is.',
    'damaged',
    `${header}${base}{"entries":2}\n`,
  );
  manifestVector('manifest-order', 'Out of order.', 'damaged', `${header}${file}${base}{"entries":2}\n`);
  manifestVector(
    'manifest-path',
    'A path that leads outside.',
    'damaged',
    `${header}${file.replace('base/1/112', '../etc/passwd')}{"entries":1}\n`,
  );
  manifestVector(
    'manifest-absolute',
    'An absolute path.',
    'damaged',
    `${header}${file.replace('base/1/112', '/etc/passwd')}{"entries":1}\n`,
  );
  manifestVector(
    'manifest-no-digest',
    'A file without a digest.',
    'damaged',
    `${header}${file.replace(`"sha256":"${sha}",`, '')}{"entries":1}\n`,
  );
}

export function writeHistories(): void {
  function historyVector(name: string, comment: string, expect: string, body: string): void {
    writeVector(
      name,
      { comment, 'read-as': 'history', key: `${tree}/timelines/00000003.history`, expect },
      body,
    );
  }
  historyVector(
    'history',
    'Two ancestors.',
    'success',
    '1\t0/3000158\tno recovery target specified\n\n2\t0/5000000\tafter 2026-11-22 02:00:00+00\n',
  );
  historyVector(
    'history-comment',
    'A comment and blank lines, which PostgreSQL passes over.',
    'success',
    '# a comment\n\n1\t0/3000158\treason\n',
  );
  historyVector('history-html', 'A page of a load balancer.', 'damaged', '<html><body>503</body></html>\n');
  historyVector(
    'history-falling',
    'Ancestors whose numbers fall.',
    'damaged',
    '2\t0/5000000\tx\n1\t0/3000158\ty\n',
  );
  historyVector('history-no-position', 'An ancestor without a position.', 'damaged', '1\n');
}
