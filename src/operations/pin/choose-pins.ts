/** The choice of the pins to take back. Pure. */
import { WalvaultError } from '../../base/errors/errors.ts';
import type { Pin } from '../../repository/format/notes/pin.ts';
import { describePin } from '../pins-in-words.ts';
import type { UnpinOptions } from './options.ts';

/**
 * Ids of the pins to take back: the named one, all, or the only one. A pin is known by its id in every repository.
 * @throws WalvaultError `refused` if there are several, which may be those of several people
 */
export function choosePins(
  pins: readonly Pin[],
  { id, pin, isAll }: Pick<UnpinOptions, 'id' | 'pin' | 'isAll'>,
): ReadonlySet<string> {
  const byId = new Map(pins.map(one => [one.id, one]));
  if (pin !== undefined) return new Set(byId.has(pin) ? [pin] : []);
  if (!isAll && byId.size > 1) {
    const described = [...byId.values()].slice(0, mostNamed).map(one => `${one.id} ${describePin(one)}`);
    const more = byId.size > mostNamed ? ', …' : '';
    throw new WalvaultError('refused', `backup ${id} has ${byId.size} pins: ${described.join(', ')}${more}`, {
      hint: 'Take back one of them with --pin, or all of them with --all.',
    });
  }
  return new Set(byId.keys());
}

/** Anybody who can add objects can add very many. */
const mostNamed = 10;
