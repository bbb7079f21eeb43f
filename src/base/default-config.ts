/** The default path of the configuration file. The agent's client must know it without loading `config`. */
export const defaultConfigPath = '/etc/walvault.toml';
