/** New inputs from known ones: changed bytes, words, numbers and JSON values, pieces of other inputs, or nothing but chance. */
import { mutateJson } from './mutate-json.ts';
import type { Random } from './random.ts';
import type { OpenTarget } from './target.ts';

/** No input is longer, so that a slow parser is not taken for one that hangs. */
const longestBytes = 1024 ** 2;

/** One input. Nothing but the target's corpus and `random` decides what it is. */
export function makeInput({ corpus, form, repair }: OpenTarget, random: Random): Buffer {
  if (random.onceIn(50)) return random.bytes(random.small(4096));
  let input: Buffer = Buffer.from(random.pick(corpus));
  if (random.onceIn(200)) return input;
  if (form === 'json' && random.below(3) > 0) input = mutateJson(input, random);
  const isChangedAlready = form === 'json' && random.below(3) > 0;
  const changes = isChangedAlready ? 0 : random.small(8);
  for (let done = 0; done < changes; done++)
    input = random.pick(form === 'bytes' ? byteChanges : textChanges)({ input, random, corpus });
  if (input.length > longestBytes) input = input.subarray(0, longestBytes);
  return repair === undefined || random.onceIn(5) ? input : Buffer.from(repair(input, random));
}

interface Change {
  readonly input: Buffer;
  readonly random: Random;
  readonly corpus: readonly Uint8Array[];
}

const byteChanges: readonly ((change: Change) => Buffer)[] = [
  flipBit,
  flipBit,
  setByte,
  setNumber,
  setNumber,
  addToNumber,
  remove,
  repeat,
  insertBytes,
  cutOff,
  splice,
  overwrite,
];

const textChanges: readonly ((change: Change) => Buffer)[] = [
  ...byteChanges,
  insertWord,
  insertWord,
  insertWord,
  replaceDigits,
  replaceDigits,
  replaceDigits,
  moveLine,
  moveLine,
];

function flipBit({ input, random }: Change): Buffer {
  const at = random.below(input.length);
  if (input.length > 0) input[at] = (input[at] ?? 0) ^ (1 << random.below(8));
  return input;
}

function setByte({ input, random }: Change): Buffer {
  if (input.length > 0)
    input[random.below(input.length)] = random.pick([0, 1, 0x7f, 0x80, 0xff, random.below(256)]);
  return input;
}

/** Numbers at the edges of their types, in either byte order. */
function setNumber({ input, random }: Change): Buffer {
  const sizeBytes = random.pick([2, 3, 4, 6]);
  if (input.length < sizeBytes) return input;
  const most = 2 ** (sizeBytes * 8) - 1;
  const value = random.pick([
    0,
    1,
    most,
    most - 1,
    (most + 1) / 2,
    (most - 1) / 2,
    input.length % most,
    random.below(most),
  ]);
  return written(input, { at: random.below(input.length - sizeBytes + 1), sizeBytes, value }, random);
}

function addToNumber({ input, random }: Change): Buffer {
  const sizeBytes = random.pick([1, 2, 4]);
  if (input.length < sizeBytes) return input;
  const at = random.below(input.length - sizeBytes + 1);
  const most = 2 ** (sizeBytes * 8);
  const value = (input.readUIntLE(at, sizeBytes) + most + random.below(64) - 32) % most;
  return written(input, { at, sizeBytes, value }, random);
}

interface Place {
  readonly at: number;
  readonly sizeBytes: number;
  readonly value: number;
}

function written(input: Buffer, { at, sizeBytes, value }: Place, random: Random): Buffer {
  if (random.onceIn(2)) input.writeUIntLE(value, at, sizeBytes);
  else input.writeUIntBE(value, at, sizeBytes);
  return input;
}

function remove({ input, random }: Change): Buffer {
  const [start, end] = rangeIn(input, random);
  return Buffer.concat([input.subarray(0, start), input.subarray(end)]);
}

/** A piece several times, now and then so often that it becomes long. */
function repeat({ input, random }: Change): Buffer {
  const [start, end] = rangeIn(input, random);
  const piece = input.subarray(start, end);
  const times = Math.min(random.small(random.onceIn(20) ? 65_536 : 16), 262_144 / Math.max(1, piece.length));
  const copies = Array.from({ length: Math.floor(times) }, () => piece);
  return Buffer.concat([input.subarray(0, end), ...copies, input.subarray(end)]);
}

function insertBytes({ input, random }: Change): Buffer {
  return inserted(input, random.bytes(random.small(64)), random);
}

function cutOff({ input, random }: Change): Buffer {
  return random.onceIn(4)
    ? input.subarray(random.below(input.length + 1))
    : input.subarray(0, random.below(input.length + 1));
}

/** A piece of another input. */
function splice({ input, random, corpus }: Change): Buffer {
  const other = Buffer.from(random.pick(corpus));
  const [start, end] = rangeIn(other, random);
  return inserted(input, other.subarray(start, end), random);
}

function overwrite({ input, random, corpus }: Change): Buffer {
  const other = Buffer.from(random.pick(corpus));
  const [start, end] = rangeIn(other, random);
  other.copy(input, random.below(input.length + 1), start, end);
  return input;
}

function insertWord({ input, random }: Change): Buffer {
  const word = random.pick(words);
  return inserted(input, Buffer.from(word), random);
}

const words: readonly string[] = [
  '\0', '\n', '\r\n', '\t', ' ', '"', "'", '\\', '/', '//', '../', '/../', '..', '.', ':', ': ', ',', ';', '=', '#', '<', '>', '&amp;', '&#0;', '&x;', '<![CDATA[', ']]>', '<!DOCTYPE a [<!ENTITY x "y">]>', '%', '%00', '%2e%2e%2f', '${x}', '{{', '\u202e', '\u001b[2J', '\ufeff', '\ufffd', '\ud800', 'é', '🐘', 'null', 'true', '[]', '{}', '__proto__', 'constructor', 'toString', 'NaN', 'Infinity', '-1', '1e308', '1e-7', '0x10', '0/0', 'FFFFFFFF/FFFFFFFF', '00000001', 'FFFFFFFF', '.history', '.partial', '.backup', '.json', '.sig', '-', '--', '18446744073709551616', '9007199254740993', 'a'.repeat(300), '('.repeat(200), ' '.repeat(5000), '\t '.repeat(3000), "'".repeat(4000), '\\'.repeat(4000), '1'.repeat(5000), 'A'.repeat(70_000),
]; // prettier-ignore

/** The first number at or behind a random place, with another one in its place. */
function replaceDigits({ input, random }: Change): Buffer {
  const text = input.toString('latin1');
  const from = random.below(text.length + 1);
  const found = /\d+/.exec(text.slice(from));
  if (found === null) return input;
  const at = from + found.index;
  const value = random.pick([
    '0', '-1', '1', '00', '255', '256', '65536', '2147483647', '2147483648', '4294967295', '4294967296', '9007199254740991', '9007199254740992', '18446744073709551615', '18446744073709551616', '1e999', '99999999999999999999999999999999', String(random.below(2 ** 31)),
  ]); // prettier-ignore
  return Buffer.from(text.slice(0, at) + value + text.slice(at + found[0].length), 'latin1');
}

/** A line moved, doubled or left out. */
function moveLine({ input, random }: Change): Buffer {
  const lines = input.toString('latin1').split('\n');
  if (lines.length > 20_000) return input;
  const [line = ''] = lines.splice(random.below(lines.length), 1);
  for (let times = random.below(3); times > 0; times--) lines.splice(random.below(lines.length + 1), 0, line);
  return Buffer.from(lines.join('\n'), 'latin1');
}

function rangeIn(input: Uint8Array, random: Random): [start: number, end: number] {
  const start = random.below(input.length + 1);
  const most = input.length - start;
  return [start, start + (most === 0 ? 0 : random.small(most))];
}

function inserted(input: Buffer, piece: Uint8Array, random: Random): Buffer {
  const at = random.below(input.length + 1);
  return Buffer.concat([input.subarray(0, at), piece, input.subarray(at)]);
}
