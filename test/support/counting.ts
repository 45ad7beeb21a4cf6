import { type RequestOptions, request } from "node:http";

/** How often each answer came; keys are `service version status`, or the status alone. */
export type Counts = Readonly<Record<string, number>>;

export interface Asked {
  readonly url: string;
  readonly count: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** An `http_proxy`; undefined where connections are redirected. */
  readonly proxy?: { readonly host: string; readonly port: number } | undefined;
}

/** Sends the same request often, one after the other, to stand-ins that say who they are. */
export async function countAnswers(asked: Asked): Promise<Counts> {
  const counts: Record<string, number> = {};
  for (let sent = 0; sent < asked.count; sent++) {
    const key = whoAnswered(await send(asked));
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}

interface Reply {
  readonly status: number;
  readonly body: string;
}

function send({ url, headers = {}, proxy }: Asked): Promise<Reply> {
  const { hostname, host, port, pathname, search } = new URL(url);
  const direct = { host: hostname, port: port === "" ? "80" : port, path: pathname + search };
  const to: RequestOptions = proxy === undefined ? direct : { ...proxy, path: url };
  const options = { ...to, headers: { host, ...headers }, timeout: 5000 };
  return new Promise((resolve, reject) => {
    const sent = request(options, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        body += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
    });
    sent.on("timeout", () => sent.destroy(new Error("timed out")));
    sent.on("error", reject);
    sent.end();
  });
}

function whoAnswered({ status, body }: Reply): string {
  if (status !== 200) return String(status);
  const { service, version } = JSON.parse(body) as { service: string; version: string };
  return `${service} ${version} ${status}`;
}
