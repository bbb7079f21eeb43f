/**
 * The date that tells openpgp to ignore creation and expiry: null, although some of its types require a Date.
 * An expired recipient is still used, and a signature outlives its key: archiving never stops because of a date or a
 * wrong clock.
 */
export const ignoringDates = null;
