/** The variables of the environment that change what a push does. */

/**
 * The beginnings of such names: walvault's own settings, those of the stores' libraries, and of Node's TLS. The second
 * line says where Azure's token service is, the third whether and where Google's is. A test compares this list with what
 * the libraries read.
 */
const beginnings = [
  ...['WALVAULT_', 'AWS_', 'AZURE_', 'GOOGLE_', 'GCLOUD_', 'CLOUDSDK_', 'NODE_', 'SSL_'],
  ...['IDENTITY_', 'IMDS_', 'MSI_', 'MSAL_', 'REGION_NAME', 'DEFAULT_IDENTITY_CLIENT_ID', 'SYSTEM_OIDC'],
  ...['GCE_', 'METADATA_SERVER_', 'DETECT_GCP_', 'K_', 'CLOUD_RUN_', 'FUNCTION_', 'GAE_'],
];
const isProxy = /_proxy$/i;

/**
 * Variables that an agent and its asker need not share. The configuration file is part of the agent's address, a
 * command that debugs does not ask, and the mode decides only whether an agent is started.
 */
const isAskersOwn: ReadonlySet<string> = new Set([
  'WALVAULT_CONFIG',
  'WALVAULT_DEBUG',
  'WALVAULT_AGENT_MODE',
]);

/** Whether a variable changes what a push does, and with which credentials; HOME apart. */
export function isRelevant(name: string): boolean {
  const upper = name.toUpperCase();
  return (
    (isProxy.test(name) || beginnings.some(beginning => upper.startsWith(beginning))) &&
    !isAskersOwn.has(name)
  );
}

/** Compares two environments by digests. `named` are the variables that the configuration takes secrets from. */
export function isSameEnvironment(
  own: Readonly<Record<string, string>>,
  asked: Readonly<Record<string, string>>,
  named: readonly string[],
): boolean {
  const names = new Set([...Object.keys(own), ...Object.keys(asked)]);
  for (const name of names)
    if ((isRelevant(name) || named.includes(name)) && own[name] !== asked[name]) return false;
  // The stores' libraries look for files below HOME. A supervisor may have left HOME out.
  const [home, askedHome] = [own['HOME'], asked['HOME']];
  return home === undefined || askedHome === undefined || home === askedHome;
}
