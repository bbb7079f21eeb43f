/** The configuration file when nothing names another. The agent's client must know it without loading `config`. */
export const defaultConfigPath = '/etc/walvault.toml';
