/**
 * What a server may ask for before it gets a password: `require_auth` and `channel_binding` (PostgreSQL documentation,
 * "Parameter Key Words"; fe-connect.c, pqConnectOptions2; fe-auth.c, check_expected_areq and pg_SASL_init).
 */
import { WalvaultError } from '../../../base/errors/errors.ts';

/** The methods that walvault speaks. */
type Method = 'password' | 'md5' | 'scram-sha-256';
const methods: readonly Method[] = ['password', 'md5', 'scram-sha-256'];

/** The methods that libpq speaks besides. */
const unspoken: readonly string[] = ['gss', 'sspi', 'oauth'];

const bindings = ['require', 'prefer', 'disable'] as const;

export interface AuthenticationRule {
  /** As it was given, for messages. */
  readonly requireAuth: string | undefined;
  readonly allowed: ReadonlySet<Method>;
  /** False: the server may let us in without asking (`trust`, `cert`). */
  readonly isRequired: boolean;
  readonly channelBinding: (typeof bindings)[number];
}

/** @throws WalvaultError `config` */
export function authenticationRuleOf(
  requireAuth: string | undefined,
  channelBinding: string | undefined,
): AuthenticationRule {
  const binding = bindings.find(known => known === (channelBinding ?? 'prefer'));
  if (binding === undefined)
    throw bad(`channel_binding "${channelBinding}" is none of ${bindings.join(', ')}`);
  return { requireAuth, channelBinding: binding, ...allowedBy(requireAuth) };
}

function allowedBy(text: string | undefined): Pick<AuthenticationRule, 'allowed' | 'isRequired'> {
  if (text === undefined) return { allowed: new Set(methods), isRequired: false };
  const given = text.split(',').map(word => word.trim());
  const isNegated = given[0]?.startsWith('!') === true;
  if (given.some(word => word.startsWith('!') !== isNegated))
    throw bad(`require_auth "${text}" mixes methods with and without "!"`);
  const named = given.map(word => (isNegated ? word.slice(1) : word));
  const unknown = named.find(word => ![...methods, ...unspoken, 'none'].includes(word));
  if (unknown !== undefined)
    throw bad(`require_auth "${unknown}" is none of ${[...methods, ...unspoken, 'none'].join(', ')}`);
  if (new Set(named).size < named.length) throw bad(`require_auth "${text}" names a method twice`);
  const allowed = new Set(methods.filter(method => named.includes(method) !== isNegated));
  const isRequired = named.includes('none') === isNegated;
  if (allowed.size === 0 && isRequired)
    throw bad(`require_auth=${text} is not possible`, {
      hint: `walvault speaks ${methods.join(', ')}, and accepts none.`,
    });
  return { allowed, isRequired };
}

/** A message of the server, as the driver names it. */
export interface ServerMessage {
  readonly name: string;
  readonly mechanisms?: readonly string[] | undefined;
}

/** Follows one authentication, and says when the server asks for what it may not have. */
export class AuthenticationWatch {
  readonly #rule: AuthenticationRule;
  readonly #isTls: boolean;
  #asked: Method | undefined;
  #isBound = false;
  /** As far as this side goes: for SCRAM the server has shown, too, that it knows the password. */
  #isFinished = false;
  #isIn = false;

  constructor(rule: AuthenticationRule, { isTls }: { readonly isTls: boolean }) {
    this.#rule = rule;
    this.#isTls = isTls;
  }

  /** Called with each message before it is answered. @returns why it must not be answered, if so */
  refusal({ name, mechanisms }: ServerMessage): string | undefined {
    switch (name) {
      case 'authenticationCleartextPassword':
        return this.#ask('password') ?? this.#finish();
      case 'authenticationMD5Password':
        return this.#ask('md5') ?? this.#finish();
      case 'authenticationSASL':
        return this.#ask('scram-sha-256') ?? this.#bind(mechanisms ?? []);
      case 'authenticationSASLContinue':
        return this.#asked === 'scram-sha-256' ? undefined : 'it goes on with SCRAM, which it did not begin';
      case 'authenticationSASLFinal':
        // The driver has compared the signature in it before any later message arrives here, or given up.
        return this.#asked === 'scram-sha-256' ? this.#finish() : 'it ends SCRAM, which it did not begin';
      case 'authenticationOk':
        return this.#admit();
      case 'readyForQuery':
        return this.#isIn ? undefined : 'it begins a session without authentication';
      default:
        return undefined;
    }
  }

  #ask(method: Method): string | undefined {
    const { allowed, channelBinding, requireAuth } = this.#rule;
    // No server asks twice; one that has seen the beginning of SCRAM could ask for the password itself next.
    if (this.#asked !== undefined || this.#isIn) return `it asks for another authentication, ${method}`;
    this.#asked = method;
    if (!allowed.has(method)) return `it asks for ${described[method]}, and require_auth=${requireAuth}`;
    if (channelBinding === 'require' && method !== 'scram-sha-256')
      return `it asks for ${described[method]}, which has no channel binding, and channel_binding=require`;
    return undefined;
  }

  /** The driver chooses SCRAM-SHA-256-PLUS where it may and the server offers it (pg_SASL_init does the same). */
  #bind(mechanisms: readonly string[]): string | undefined {
    const { channelBinding } = this.#rule;
    this.#isBound = this.#isTls && channelBinding !== 'disable' && mechanisms.includes('SCRAM-SHA-256-PLUS');
    return channelBinding === 'require' && !this.#isBound
      ? 'it offers no channel binding, and channel_binding=require'
      : undefined;
  }

  #finish(): undefined {
    this.#isFinished = true;
  }

  #admit(): string | undefined {
    this.#isIn = true;
    const { isRequired, requireAuth, channelBinding } = this.#rule;
    if (this.#asked !== undefined && !this.#isFinished)
      return 'it ended the authentication before it had shown that it knows the password';
    if (isRequired && !this.#isFinished)
      return `it asked for no authentication, and require_auth=${requireAuth}`;
    if (channelBinding === 'require' && !this.#isBound)
      return 'it let us in without channel binding, and channel_binding=require';
    return undefined;
  }
}

const described: Readonly<Record<Method, string>> = {
  password: 'the password in clear text',
  md5: 'an MD5 of the password',
  'scram-sha-256': 'SCRAM',
};

function bad(what: string, details: { readonly hint?: string } = {}): WalvaultError {
  return new WalvaultError('config', `postgres connection: ${what}`, details);
}
