/** One request, over HTTPS unless to a program on this machine that has none. */
import { request as plain } from 'node:http';
import { request as secure, type Agent } from 'node:https';
import type { Pair } from '../../../certificates.ts';

export interface Call {
  readonly method?: string;
  readonly body?: string;
  /** PEM; left out, anybody may answer. */
  readonly ca?: string;
  readonly client?: Pair;
  readonly headers?: Readonly<Record<string, string>>;
  readonly seconds?: number;
  /** Keeps connections. */
  readonly agent?: Agent;
}

export class Refused extends Error {
  readonly code: number;

  constructor(url: string, code: number, answer: string) {
    super(`${url}: ${code} ${answer.trim()}`);
    this.code = code;
  }
}

export async function call(url: string, options: Call = {}): Promise<string> {
  const { method = 'GET', body, ca, client, headers, seconds = 5, agent = false } = options;
  return new Promise((resolve, reject) => {
    const request = url.startsWith('https:') ? secure : plain;
    const sent = request(
      url,
      {
        method,
        timeout: seconds * 1000,
        agent,
        ...(ca !== undefined && { ca }),
        ...(ca === undefined && agent === false && { rejectUnauthorized: false }),
        ...client,
        ...(headers && { headers }),
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const answer = Buffer.concat(chunks).toString('utf8');
          const code = response.statusCode ?? 0;
          if (code >= 200 && code < 300) resolve(answer);
          else reject(new Refused(url, code, answer));
        });
      },
    );
    sent.on('timeout', () => sent.destroy(new Error(`${url}: no answer within ${seconds} s`)));
    sent.on('error', reject);
    sent.end(body);
  });
}
