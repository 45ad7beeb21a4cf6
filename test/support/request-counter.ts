/**
 * COMMAND that sends the same request often and prints who answered, as JSON:
 * `node request-counter.ts URL COUNT [HEADER VALUE]`. Where there is an `http_proxy`, Node itself
 * uses it (`NODE_USE_ENV_PROXY`).
 */
import { countAnswers } from "./counting.ts";

const [, , url = "", count = "1", header, value = ""] = process.argv;
const headers: Record<string, string> = header === undefined ? {} : { [header]: value };
const counts = await countAnswers({ url, count: Number(count), headers });
process.stdout.write(`${JSON.stringify(counts)}\n`);
