/** `npm run rooms`: writes docs/rooms.md from the first sentence of each source file, one line a file. */
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describeRooms } from './rooms/describe-rooms.ts';

const root = resolve(import.meta.dirname, '..');
writeFileSync(resolve(root, 'docs/rooms.md'), describeRooms(resolve(root, 'src')));
