import { lookup as resolveName } from "node:dns";
import http from "node:http";
import https from "node:https";
import type { CidrBlock } from "./cidr.ts";
import { isReachable } from "./public-address.ts";

/** What may be asked for keys. */
export interface JwksAccess {
  /** Blocks that are reached though they are not public. */
  readonly allowed: readonly CidrBlock[];
  /** `http:` as well, where anybody on the way may put other keys in their place. */
  readonly plaintext: boolean;
}

export const PUBLIC_ONLY: JwksAccess = { allowed: [], plaintext: false };

/** More is no key set. */
const BODY_BYTES_MAX = 1024 * 1024;

/** The text at a URL. Rejects with an Error that says why there is none. */
export type FetchText = (url: string, timeoutMs: number) => Promise<string>;

/**
 * Fetches what users' URLs name, and nothing else: addresses are looked at after names have been
 * resolved, and the connection goes to those; redirects are refused; size and time are bounded.
 */
export function guardedFetch(access: JwksAccess): FetchText {
  return (url, timeoutMs) => {
    const target = new URL(url);
    const problem = targetProblem(target, access);
    if (problem !== undefined) return Promise.reject(new Error(problem));
    return fetchText(target, timeoutMs, access);
  };
}

function targetProblem({ hostname, protocol }: URL, access: JwksAccess): string | undefined {
  if (protocol !== "https:" && protocol !== "http:") return "only https: is fetched";
  if (protocol === "http:" && !access.plaintext) {
    return "only https: is fetched: over http: anybody on the way can put other keys there";
  }
  // Names are looked at when they have been resolved; addresses are not resolved.
  const address = hostname.replace(/^\[|\]$/g, "");
  const isName = !/^[\d.]+$/.test(address) && !address.includes(":");
  return isName || isReachable(address, access.allowed) ? undefined : notReachable(address);
}

function notReachable(address: string): string {
  return `${address} is no public address, and not allowed`;
}

function fetchText(target: URL, timeoutMs: number, { allowed }: JwksAccess): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const send = target.protocol === "https:" ? https.request : http.request;
  const request = send(target, {
    agent: false,
    headers: { accept: "application/json" },
    signal: AbortSignal.timeout(timeoutMs),
    lookup: (name, options, callback) => {
      resolveName(name, { ...options, all: true }, (error, addresses) => {
        const denied = addresses?.find(({ address }) => !isReachable(address, allowed));
        const fault = error ?? (denied && new Error(notReachable(denied.address)));
        // One bad address is enough: nobody honest lists it.
        if (fault !== undefined) callback(fault, []);
        else callback(null, addresses);
      });
    },
  });
  request.on("response", (response) => {
    readBody(response).then(resolve, (error) => {
      request.destroy();
      reject(error);
    });
  });
  request.on("error", (error) => reject(named(error, timeoutMs)));
  request.end();
  return promise;
}

async function readBody(response: http.IncomingMessage): Promise<string> {
  const { statusCode } = response;
  if (statusCode !== 200) throw new Error(`the answer was ${statusCode}`);
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of response as AsyncIterable<Buffer>) {
    length += piece.length;
    if (length > BODY_BYTES_MAX) throw new Error(`it has more than ${BODY_BYTES_MAX} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}

function named(error: Error, timeoutMs: number): Error {
  return error.name === "AbortError" || error.name === "TimeoutError"
    ? new Error(`nothing came within ${timeoutMs} ms`)
    : error;
}
