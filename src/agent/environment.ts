/** Which variables of the environment change what a push does. */

/** Our settings, the stores' libraries, and what Node's TLS and the proxies listen to. */
const isRelevant = /^(WALVAULT|AWS|AZURE|GOOGLE|GCLOUD|CLOUDSDK|NODE|SSL)_|_proxy$/i;
/**
 * The configuration file is part of the agent's address, whoever debugs does not ask it, and whether one is to be
 * started concerns nobody who is there already.
 */
const isAskersOwn: ReadonlySet<string> = new Set([
  'WALVAULT_CONFIG',
  'WALVAULT_DEBUG',
  'WALVAULT_AGENT_MODE',
]);

/** By the digests of both environments; `named` are variables that the configuration takes secrets from. */
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
  // Below it lie the files of the stores' libraries. A supervisor may have left it out.
  const [home, askedHome] = [own['HOME'], asked['HOME']];
  return home === undefined || askedHome === undefined || home === askedHome;
}
