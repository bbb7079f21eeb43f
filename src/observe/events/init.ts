/** Events of `init`. */
export type InitEvent =
  | { readonly kind: 'owner-taken'; readonly dataDirectory: string; readonly uid: number }
  | { readonly kind: 'owner-missing' }
  | { readonly kind: 'key-kept'; readonly path: string; readonly fingerprint: string }
  | { readonly kind: 'encryption-off' }
  | {
      readonly kind: 'repository-ready';
      readonly repository: string;
      readonly url: string;
      readonly id: string;
    };
