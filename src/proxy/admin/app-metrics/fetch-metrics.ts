import { get, type IncomingMessage } from "node:http";
import type { Clock } from "../../../base/clock.ts";
import type { AppMetrics } from "../../../model/bootstrap.ts";

/** As Istio's agent: more is nobody's page of metrics. */
const BYTES_MAX = 10 * 1024 * 1024;
/** Below the 10 s that Prometheus waits for the whole. */
const TIMEOUT_MS = 5000;

const HEADERS = {
  accept: "text/plain;version=0.0.4",
  "user-agent": "outrigger",
  "x-prometheus-scrape-timeout-seconds": String(TIMEOUT_MS / 1000),
};

/** Why there is no page: what the counter of scrapes says. */
export type FetchFault = "unreachable" | "status" | "timeout" | "too_large" | "not_text";

/** The app's page, or why there is none. Never rejects; bounded in bytes and time. */
export function fetchMetrics(
  { host, port, path }: AppMetrics,
  clock: Clock,
): Promise<{ readonly text: string } | { readonly fault: FetchFault }> {
  return new Promise((resolve) => {
    const request = get({ host, port, path, headers: HEADERS, agent: false });
    const fail = (fault: FetchFault): void => {
      timer.cancel();
      resolve({ fault });
      request.destroy();
    };
    const timer = clock.after(TIMEOUT_MS, () => fail("timeout"));
    request.on("error", () => fail("unreachable"));
    request.on("response", (response) => {
      const fault = headFault(response);
      if (fault !== undefined) return fail(fault);
      collect(response, fail, (bytes) => {
        timer.cancel();
        const text = decoded(bytes);
        resolve(text === undefined ? { fault: "not_text" } : { text });
      });
    });
  });
}

function headFault({ statusCode, headers }: IncomingMessage): FetchFault | undefined {
  if (statusCode !== 200) return "status";
  // Nobody asked for any.
  if ((headers["content-encoding"] ?? "identity") !== "identity") return "not_text";
  return Number(headers["content-length"] ?? 0) > BYTES_MAX ? "too_large" : undefined;
}

function collect(
  response: IncomingMessage,
  fail: (fault: FetchFault) => void,
  done: (bytes: Buffer) => void,
): void {
  const chunks: Buffer[] = [];
  let size = 0;
  response.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size > BYTES_MAX) fail("too_large");
    else chunks.push(chunk);
  });
  response.on("end", () => done(Buffer.concat(chunks)));
  response.on("error", () => fail("unreachable"));
  response.on("close", () => {
    if (!response.complete) fail("unreachable");
  });
}

function decoded(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
