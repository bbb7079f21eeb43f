/** Sets environment variables while one function runs; undefined removes a variable. Not for concurrent work. */
export async function withEnvironment(values: NodeJS.ProcessEnv, work: () => Promise<void>): Promise<void> {
  const before = Object.keys(values).map(name => [name, process.env[name]] as const);
  set(Object.entries(values));
  try {
    await work();
  } finally {
    set(before);
  }
}

function set(values: readonly (readonly [string, string | undefined])[]): void {
  for (const [name, value] of values)
    if (value === undefined) Reflect.deleteProperty(process.env, name);
    else process.env[name] = value;
}
