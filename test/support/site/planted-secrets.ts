/** Secrets that a test plants, and all output while they are in use. */
import assert from 'node:assert/strict';

/** Enough of a random secret to be no chance, and to be of use to a thief. */
const telltaleLength = 12;

export class PlantedSecrets {
  readonly #secrets = new Map<string, string>();
  readonly #said: { readonly where: string; readonly text: string }[] = [];

  /** @returns the value, to be handed to the program */
  plant(name: string, value: string): string {
    assert.ok(value.length >= telltaleLength, `${name} is too short to be recognised`);
    this.#secrets.set(name, value);
    return value;
  }

  hear(where: string, text: string): void {
    this.#said.push({ where, text });
  }

  /** Fails with each place where a piece of a secret shows: as it is, in a URL, in JSON, in base64. */
  assertUnprinted(): void {
    assert.ok(
      this.#said.some(({ text }) => text !== ''),
      'nothing was said at all',
    );
    const leaks = [...this.#secrets].flatMap(([name, value]) => {
      const telltales = telltalesOf(value);
      return this.#said.flatMap(({ where, text }) => {
        const shown = telltales.find(telltale => text.includes(telltale));
        return shown === undefined ? [] : [`${name} in ${where}: …${around(text, shown)}…`];
      });
    });
    assert.deepEqual(leaks, []);
  }
}

/** Windows over the value that overlap, so that a part of it is found as well as the whole. */
function telltalesOf(value: string): string[] {
  const bytes = Buffer.from(value);
  // Within a longer text in base64, a value looks in one of three ways, and its ends mix with their neighbours.
  const base64 = [0, 1, 2].map(before =>
    Buffer.concat([Buffer.alloc(before), bytes])
      .toString('base64')
      .slice(4, -4),
  );
  const forms = [value, encodeURIComponent(value), JSON.stringify(value).slice(1, -1), ...base64];
  return [...new Set(forms.flatMap(windowsOf))];
}

function windowsOf(form: string): string[] {
  const windows: string[] = [];
  for (let at = 0; at + telltaleLength <= form.length; at += telltaleLength / 2)
    windows.push(form.slice(at, at + telltaleLength));
  return windows;
}

function around(text: string, shown: string): string {
  const at = text.indexOf(shown);
  return text.slice(Math.max(0, at - 80), at + 80);
}
