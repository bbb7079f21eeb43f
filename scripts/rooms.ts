/** `npm run rooms`: writes docs/rooms.md, a line a file, from the first sentence that each source file says of itself. */
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describeRooms } from './rooms/describe-rooms.ts';

const root = resolve(import.meta.dirname, '..');
writeFileSync(resolve(root, 'docs/rooms.md'), describeRooms(resolve(root, 'src')));
