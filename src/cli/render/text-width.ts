/**
 * How many columns of a terminal a text takes: letters of East Asian scripts and emoji take two, combining marks none
 * (Unicode Standard Annex 11). Hidden characters are no part of such texts: they were made visible before.
 */

const plain = /^[\x20-\x7e]*$/;
const wide =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{16fe0}-\u{18cff}\u{1aff0}-\u{1b2ff}\u{20000}-\u{3fffd}\p{Emoji_Presentation}]/u;
const emojiSelector = '\ufe0f';
const mark = /^\p{M}/u;

export function displayWidth(text: string): number {
  if (plain.test(text)) return text.length;
  let width = 0;
  for (const { segment } of clusters.segment(text)) width += widthOfCluster(segment);
  return width;
}

/** The text, or as much of it as fits with a mark of what is missing behind it. */
export function cutToWidth(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  let cut = '';
  let left = width - ellipsis.length;
  for (const { segment } of clusters.segment(text)) {
    left -= widthOfCluster(segment);
    if (left < 0) break;
    cut += segment;
  }
  return cut.trimEnd() + ellipsis.slice(0, Math.max(0, width));
}

/** As ASCII, because a terminal may show nothing else. */
const ellipsis = '...';

/** What people take for one character. */
const clusters = new Intl.Segmenter('en', { granularity: 'grapheme' });

function widthOfCluster(cluster: string): number {
  if (mark.test(cluster)) return 0;
  return wide.test(cluster) || cluster.includes(emojiSelector) ? 2 : 1;
}
