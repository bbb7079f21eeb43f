/**
 * The table of a store's methods. Every wrapper of a store (the decorators, the check of keys before a driver) is made
 * from it: a method added to `Store` does not compile without its line here, and with its line reaches every wrapper.
 */
import type { CallOptions, Store } from './store.ts';

export type StoreMethod = Exclude<keyof Store, 'url' | 'capabilities' | 'close'>;

type Arguments<Method extends StoreMethod> = Parameters<NonNullable<Store[Method]>>;
type Returned<Method extends StoreMethod> = ReturnType<NonNullable<Store[Method]>>;

interface MethodFacts<Method extends StoreMethod> {
  /** `entries`: an async iterable. `result`: a promise. */
  readonly returns: Returned<Method> extends AsyncIterable<unknown> ? 'entries' : 'result';
  /** The keys that a call names; for a listing, its prefix. */
  readonly keys: (...call: Arguments<Method>) => readonly string[];
}

const one = (key: string) => [key];
const prefixOf = ({ prefix }: { readonly prefix: string }) => [prefix];

const facts: { readonly [Method in StoreMethod]-?: MethodFacts<Method> } = {
  put: { returns: 'result', keys: one },
  get: { returns: 'result', keys: one },
  head: { returns: 'result', keys: one },
  list: { returns: 'entries', keys: prefixOf },
  listPages: { returns: 'entries', keys: prefixOf },
  delete: { returns: 'result', keys: keys => keys },
  makeDurable: { returns: 'result', keys: one },
  refusesWrongChecksum: { returns: 'result', keys: one },
  findClosed: { returns: 'result', keys: one },
  joinsOnlyIfAbsent: { returns: 'result', keys: one },
  listUnfinished: { returns: 'entries', keys: prefixOf },
  removeUnfinished: { returns: 'result', keys: writes => writes.map(({ key }) => key) },
  thaw: { returns: 'result', keys: one },
};

export interface MethodCall {
  readonly method: StoreMethod;
  readonly keys: readonly string[];
  /** The signal of the caller. */
  readonly signal: AbortSignal;
}

/** The code around each call of a store. `work` runs the inner store's method with the signal that it gets. */
export interface Wrapping {
  result<T>(call: MethodCall, work: (signal: AbortSignal) => Promise<T>): Promise<T>;
  entries<T>(call: MethodCall, work: (signal: AbortSignal) => AsyncIterable<T>): AsyncIterable<T>;
}

/** The methods that a wrapper implements itself. */
export type OwnMethods = Partial<Pick<Store, 'put' | 'get' | 'list' | 'listPages'>>;

/**
 * The inner store with `wrapping` around each method but `own`. It has the same optional methods as the inner store, but
 * no pages of a listing that `own` replaces without them.
 */
export function wrapStore(inner: Store, wrapping: Wrapping, own: OwnMethods = {}): Store {
  const isReplaced = (name: StoreMethod) => name === 'listPages' && own.list !== undefined;
  const names = (Object.keys(facts) as StoreMethod[]).filter(
    name => inner[name] !== undefined && !isReplaced(name),
  );
  return {
    url: inner.url,
    capabilities: inner.capabilities,
    // Cast: the names include every required method.
    ...(Object.fromEntries(names.map(name => [name, wrapMethod(inner, name, wrapping)])) as Pick<
      Store,
      StoreMethod
    >),
    close: () => inner.close(),
    ...own,
  };
}

/** The inner store with some methods replaced. */
export function withMethods(inner: Store, own: OwnMethods): Store {
  return wrapStore(inner, untouched, own);
}

const untouched: Wrapping = {
  result: ({ signal }, work) => work(signal),
  entries: ({ signal }, work) => work(signal),
};

/** The last argument of every method is its options, with the signal. */
type AnyMethod = (...call: readonly unknown[]) => unknown;

function wrapMethod(inner: Store, method: StoreMethod, wrapping: Wrapping): AnyMethod {
  const { returns, keys } = facts[method] as unknown as {
    returns: 'entries' | 'result';
    keys: (...call: readonly unknown[]) => readonly string[];
  };
  const original = (inner[method] as AnyMethod).bind(inner);
  return (...call) => {
    const options = call.at(-1) as CallOptions;
    const work = (signal: AbortSignal) => original(...call.slice(0, -1), { ...options, signal });
    const about = { method, keys: keys(...call), signal: options.signal };
    return returns === 'entries'
      ? wrapping.entries(about, work as (signal: AbortSignal) => AsyncIterable<unknown>)
      : wrapping.result(about, work as (signal: AbortSignal) => Promise<unknown>);
  };
}
