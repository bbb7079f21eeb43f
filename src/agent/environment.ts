/** The variables of the environment that change what a push does. */

/** walvault's settings, and the variables of the stores' libraries, Node's TLS and the proxies. */
const isRelevant = /^(WALVAULT|AWS|AZURE|GOOGLE|GCLOUD|CLOUDSDK|NODE|SSL)_|_proxy$/i;
/**
 * Variables that an agent and its asker need not share. The configuration file is part of the agent's address, a
 * command that debugs does not ask, and the mode decides only whether an agent is started.
 */
const isAskersOwn: ReadonlySet<string> = new Set([
  'WALVAULT_CONFIG',
  'WALVAULT_DEBUG',
  'WALVAULT_AGENT_MODE',
]);

/** Compares two environments by digests. `named` are the variables that the configuration takes secrets from. */
export function isSameEnvironment(
  own: Readonly<Record<string, string>>,
  asked: Readonly<Record<string, string>>,
  named: readonly string[],
): boolean {
  const names = new Set([...Object.keys(own), ...Object.keys(asked)]);
  for (const name of names) {
    const matters = (isRelevant.test(name) && !isAskersOwn.has(name)) || named.includes(name);
    if (matters && own[name] !== asked[name]) return false;
  }
  // The stores' libraries look for files below HOME. A supervisor may have left HOME out.
  const [home, askedHome] = [own['HOME'], asked['HOME']];
  return home === undefined || askedHome === undefined || home === askedHome;
}
