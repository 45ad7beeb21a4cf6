/**
 * COMMAND that sends the same request often and prints who answered, as JSON:
 * `node request-counter.ts URL COUNT [HEADER VALUE]`. Keys are `service version status`.
 */
import { request } from "node:http";

interface Reply {
  readonly status: number;
  readonly body: string;
}

function send(url: string, headers: Readonly<Record<string, string>>): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { headers, timeout: 5000 }, (response) => {
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

const [, , url = "", count = "1", header, value = ""] = process.argv;
const counts: Record<string, number> = {};
for (let sent = 0; sent < Number(count); sent++) {
  const headers: Record<string, string> = header === undefined ? {} : { [header]: value };
  const key = whoAnswered(await send(url, headers));
  counts[key] = (counts[key] ?? 0) + 1;
}
process.stdout.write(`${JSON.stringify(counts)}\n`);
