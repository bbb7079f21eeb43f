/**
 * A strict parser of Prometheus' text-based exposition format (version 0.0.4): what its server rejects, or promtool
 * complains of, is an error here.
 */
import assert from 'node:assert/strict';

export interface ExposedMetric {
  readonly type: string;
  readonly help: string;
  readonly samples: { readonly labels: Readonly<Record<string, string>>; readonly value: number }[];
}

export function parseExposition(text: string): ReadonlyMap<string, ExposedMetric> {
  assert.ok(text.endsWith('\n'), 'the last line has no end');
  const metrics = new Map<string, ExposedMetric>();
  const seen = new Set<string>();
  const lines = text.slice(0, -1).split('\n');
  let current: string | undefined;
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? '';
    const help = /^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) (\S.*)$/.exec(line);
    if (help !== null) {
      const [, name = '', words = ''] = help;
      const type = new RegExp(`^# TYPE ${name} (gauge|counter)$`).exec(lines[++at] ?? '');
      assert.ok(type !== null, `no TYPE follows: ${line}`);
      assert.ok(!metrics.has(name), `${name} is described twice`);
      metrics.set(name, { type: type[1] ?? '', help: words, samples: [] });
      current = name;
      continue;
    }
    const sample = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (-?\d+(?:\.\d+)?(?:e[+-]\d+)?)$/.exec(line);
    assert.ok(sample !== null, `no line of the format: ${line}`);
    const [, name = '', labels = '', value = ''] = sample;
    assert.equal(name, current, `${name} stands apart from its HELP and TYPE`);
    assert.ok(!seen.has(`${name}{${labels}}`), `twice: ${line}`);
    seen.add(`${name}{${labels}}`);
    metrics.get(name)?.samples.push({ labels: parseLabels(labels), value: Number(value) });
  }
  for (const [name, { samples }] of metrics) assert.ok(samples.length > 0, `${name} has no sample`);
  return metrics;
}

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  let rest = text;
  while (rest !== '') {
    const found = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/.exec(rest);
    assert.ok(found !== null, `no labels: ${rest}`);
    const [whole, name = '', value = ''] = found;
    labels[name] = value.replaceAll(/\\(["\\n])/g, (_, escaped: string) =>
      escaped === 'n' ? '\n' : escaped,
    );
    rest = rest.slice(whole.length);
  }
  return labels;
}
