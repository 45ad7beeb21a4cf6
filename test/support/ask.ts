import http from "node:http";
import type { Address } from "../../src/model/address.ts";

export interface Reply {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

export interface Question {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** One request on a connection of its own, to a server on this machine. */
export function ask(address: Address, path: string, question: Question = {}): Promise<Reply> {
  const where =
    address.kind === "pipe"
      ? { socketPath: address.path }
      : { host: address.host, port: address.port };
  const { method = "GET", headers = {}, body = "" } = question;
  return new Promise((resolve, reject) => {
    const request = http.request({ ...where, path, method, headers, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("error", reject);
      response.on("end", () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text });
      });
    });
    request.on("error", reject);
    request.end(body);
  });
}
