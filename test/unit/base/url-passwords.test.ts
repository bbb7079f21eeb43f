import assert from 'node:assert/strict';
import { test } from 'vitest';
import { hideUrlPasswords } from '../../../src/base/url-passwords.ts';

for (const [text, shown] of [
  ['s3://AKID:se/cr+et=@bucket/p is wrong', 's3://AKID:***@bucket/p is wrong'],
  ['http://user:p%40ss@proxy:3128', 'http://user:***@proxy:3128'],
  ['gs://b/p?endpoint=http%3A%2F%2Fu%3Asecret%40h&x=1', 'gs://b/p?endpoint=http%3A%2F%2Fu%3A***%40h&x=1'],
  ['connect to http://127.0.0.1:9000/a and mail me@example.com', undefined],
  ['file:///mnt/a:b@c', undefined],
  ['s3://bucket/2026:11@home', undefined],
] as const)
  test(`${text}: ${shown === undefined ? 'holds no password' : 'only the password goes'}`, () => {
    assert.equal(hideUrlPasswords(text), shown ?? text);
  });
