/**
 * What openpgp takes for "do not look at creation and expiry": null where its types ask for a Date in some places.
 * A recipient that has expired is still encrypted to, and a signature outlives its key's date: archiving never stops
 * because of a calendar or a wrong clock.
 */
export const ignoringDates = null;
