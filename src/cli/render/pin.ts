/** The results of `pin` and `unpin`, for people and as JSON. */
import { formatCount } from '../../base/units.ts';
import type { RepositoryFailure } from '../../operations/backup-places.ts';
import type { PinnedIn, ResultOf, UnpinnedIn } from '../../operations/pin/options.ts';
import { describePin, type Pin } from '../../operations/pins-in-words.ts';

export function renderPinned({ backup, done, without }: ResultOf<PinnedIn>): string {
  const lines = done.map(({ repository, pin }) => {
    const end = pin.until === undefined ? 'until it is unpinned' : `until ${pin.until.toISOString()}`;
    return `repository "${repository}": backup ${backup} is pinned ${end} (pin ${pin.id})\n`;
  });
  return lines.join('') + renderWithout(backup, without);
}

export function renderUnpinned({ backup, done, without }: ResultOf<UnpinnedIn>): string {
  const lines = done.map(({ repository, takenBack, left }) => {
    const taken = takenBack.length === 0 ? 'nothing to take back' : `took back ${pinsInWords(takenBack)}`;
    const stays = left.length === 0 ? '' : `; it is still ${pinsInWords(left)}`;
    return `repository "${repository}": backup ${backup}: ${taken}${stays}\n`;
  });
  return lines.join('') + renderWithout(backup, without);
}

function renderWithout(backup: string, without: readonly string[]): string {
  return without.map(repository => `repository "${repository}": has no backup ${backup}\n`).join('');
}

/** Anybody who can add objects can add very many. */
const mostNamed = 10;

function pinsInWords(pins: readonly Pin[]): string {
  const named = pins.slice(0, mostNamed).map(pin => `${describePin(pin)} (pin ${pin.id})`);
  const more = pins.length - named.length;
  return named.join(', ') + (more > 0 ? ` and by ${formatCount(more, 'more pin')}` : '');
}

/** The published shape (docs/reference/json.md). */
export function pinnedJson({ backup, done, without, failures }: ResultOf<PinnedIn>): unknown {
  return {
    backup,
    repositories: done.map(({ repository, systemId, pin }) => ({
      name: repository,
      systemId,
      pin: { ...pin, until: pin.until ?? null },
    })),
    without,
    failures: failures.map(failureJson),
  };
}

/** The published shape (docs/reference/json.md). */
export function unpinnedJson({ backup, done, without, failures }: ResultOf<UnpinnedIn>): unknown {
  return {
    backup,
    repositories: done.map(({ repository, systemId, takenBack, left }) => ({
      name: repository,
      systemId,
      takenBack: takenBack.map(pinJson),
      left: left.map(pinJson),
    })),
    without,
    failures: failures.map(failureJson),
  };
}

/** A pin as `list` publishes it, too. */
export function pinJson({ id, pinnedAt, until, user, host, note, verdict }: Pin): unknown {
  return { id, pinnedAt, until: until ?? null, user, host, note, signature: verdict };
}

function failureJson({ repository, error }: RepositoryFailure): unknown {
  return { repository, message: error.message, hint: error.hint ?? null };
}
