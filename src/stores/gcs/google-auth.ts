/** A file of its own: loaded when a token is wanted, and named imports of a CommonJS package survive bundling only here. */
export {
  AwsClient,
  GoogleAuth,
  IdentityPoolClient,
  JWT,
  PluggableAuthClient,
  UserRefreshClient,
} from 'google-auth-library';
