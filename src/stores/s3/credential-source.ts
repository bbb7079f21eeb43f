/**
 * Why no credentials could be had. The SDK tries one source after the other and reports the last one, so an outage of
 * the source that is set up ends as a refusal, in the words of another source. This asks the source itself once.
 */
import { readWholeNow } from '../../base/files/read.ts';
import { fileBounds } from '../../base/bounds.ts';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { collect } from '../../base/bytes/streams.ts';
import { messageOf } from '../../base/errors/errors.ts';
import { isHostIn } from '../driver-kit/host-cloud.ts';

/** Around everything that the SDK's chain of credentials throws: an answer of a token service is not one of the store. */
export class CredentialsFailure extends Error {
  override readonly name = 'CredentialsFailure';
}

export interface MissingCredentials {
  /** True: the source does not answer, or is overloaded. Trying again can help. */
  readonly isTemporary: boolean;
  readonly problem: string;
}

/** The agents of EC2 and of pods answer within milliseconds. */
const answerMs = 2000;

const temporaryCodes =
  /^(E[A-Z]+|.*Timeout.*|IDPCommunicationError|Throttling.*|TooManyRequests.*|ServiceUnavailable|InternalFailure)$/;

/** `failure`: what the chain threw. */
export async function whyNoCredentials(
  failure: unknown,
  env: NodeJS.ProcessEnv = process.env,
): Promise<MissingCredentials> {
  const { name, code, $metadata } = failure as {
    readonly name?: string;
    readonly code?: string;
    readonly $metadata?: { readonly httpStatusCode?: number };
  };
  const status = $metadata?.httpStatusCode;
  const problem = messageOf(failure);
  if (status !== undefined)
    return {
      isTemporary: isTemporaryStatus(status) || temporaryCodes.test(name ?? ''),
      problem: `the token service answered ${status} ${name ?? ''}: ${problem}`,
    };
  if (temporaryCodes.test(code ?? '')) return { isTemporary: true, problem: `the token service: ${problem}` };
  return (await askSource(env)) ?? { isTemporary: false, problem };
}

/** Asks the source of the container or of the instance. Undefined if there is none, or it answers well. */
async function askSource(env: NodeJS.ProcessEnv): Promise<MissingCredentials | undefined> {
  const relative = env['AWS_CONTAINER_CREDENTIALS_RELATIVE_URI'] ?? '';
  const container =
    relative === '' ? env['AWS_CONTAINER_CREDENTIALS_FULL_URI'] : `http://169.254.170.2${relative}`;
  if (container !== undefined && container !== '')
    return await ask('the credentials endpoint of the container', [
      { url: container, headers: () => containerHeaders(env) },
    ]);
  const endpoint = env['AWS_EC2_METADATA_SERVICE_ENDPOINT'] ?? '';
  if (env['AWS_EC2_METADATA_DISABLED'] === 'true' || (endpoint === '' && !isHostIn('amazon')))
    return undefined;
  const at = (path: string) => new URL(path, endpoint === '' ? 'http://169.254.169.254' : endpoint).href;
  return await ask('the metadata service of the instance', [
    {
      url: at('/latest/api/token'),
      method: 'PUT',
      headers: () => ({ 'x-aws-ec2-metadata-token-ttl-seconds': '60' }),
    },
    {
      // 404: the instance has no role.
      url: at('/latest/meta-data/iam/security-credentials/'),
      headers: token => ({ 'x-aws-ec2-metadata-token': token }),
    },
  ]);
}

function containerHeaders(env: NodeJS.ProcessEnv): Record<string, string> {
  const file = env['AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE'] ?? '';
  const token = env['AWS_CONTAINER_AUTHORIZATION_TOKEN'] ?? '';
  try {
    const authorization =
      file === '' ? token : readWholeNow(file, fileBounds.credentials.limitBytes).toString('utf8').trim();
    return authorization === '' ? {} : { authorization };
  } catch {
    // The SDK has said so already.
    return {};
  }
}

interface Question {
  readonly url: string;
  readonly method?: 'GET' | 'PUT';
  /** `answer`: the body of the answer before. */
  readonly headers: (answer: string) => Record<string, string>;
}

async function ask(who: string, questions: readonly Question[]): Promise<MissingCredentials> {
  let last = '';
  for (const question of questions) {
    try {
      const { status, body } = await send(question, last);
      if (status >= 300)
        return { isTemporary: isTemporaryStatus(status), problem: `${who} answered ${status}` };
      last = body;
    } catch {
      return { isTemporary: true, problem: `${who} does not answer` };
    }
  }
  // It answers well now, so the next attempt has credentials.
  return { isTemporary: true, problem: `${who} did not answer in time` };
}

async function send(
  { url, method = 'GET', headers }: Question,
  before: string,
): Promise<{ readonly status: number; readonly body: string }> {
  const request = url.startsWith('https:') ? httpsRequest : httpRequest;
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request(url, { method, headers: headers(before), signal: AbortSignal.timeout(answerMs) }, resolve)
      .on('error', reject)
      .end();
  });
  const body = await collect(response, answerLimitBytes);
  return { status: response.statusCode ?? 0, body: body.toString('latin1') };
}

const answerLimitBytes = 64 * 1024;

function isTemporaryStatus(status: number): boolean {
  return status >= 500 || status === 429 || status === 408;
}
