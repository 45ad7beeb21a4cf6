/**
 * COMMAND that sends the same request often and prints who answered, as JSON:
 * `node request-counter.ts URL COUNT [HEADER VALUE]`.
 */
import { countAnswers } from "./counting.ts";

const [, , url = "", count = "1", header, value = ""] = process.argv;
const { http_proxy } = process.env;
const door = http_proxy === undefined ? undefined : new URL(http_proxy);
const counts = await countAnswers({
  url,
  count: Number(count),
  headers: header === undefined ? {} : { [header]: value },
  proxy: door === undefined ? undefined : { host: door.hostname, port: Number(door.port) },
});
process.stdout.write(`${JSON.stringify(counts)}\n`);
