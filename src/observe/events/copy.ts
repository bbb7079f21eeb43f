/** Events of `copy`. */
export type CopyEvent =
  | { readonly kind: 'backup-record-unusable'; readonly backup: string; readonly problem: string }
  | { readonly kind: 'backup-held-back'; readonly backup: string; readonly reason?: string | undefined }
  | { readonly kind: 'object-not-copied'; readonly object: string; readonly problem: string };
