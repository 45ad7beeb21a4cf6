import type { RefusedRequest } from "../../listener/refused/refused-requests.ts";
import { type Answer, json, TEXT } from "../answer.ts";

/** `/errors`: the requests that were refused last, as text or with `format=json`. */
export function errorsPage(refused: readonly RefusedRequest[], query: URLSearchParams): Answer {
  if (query.get("format") === "json") {
    const errors = refused.map(({ atMs, ...rest }) => ({ time: timeOf(atMs), ...rest }));
    return json({ errors });
  }
  return { status: 200, contentType: TEXT, body: refused.map(lines) };
}

function lines({ atMs, listener, peer, reason, rule, status, bytes }: RefusedRequest): string {
  const answer = status === 0 ? "closed" : String(status);
  return `${timeOf(atMs)} ${listener} ${peer} ${answer} ${reason} (${rule})\n  ${bytes}\n`;
}

function timeOf(atMs: number): string {
  return new Date(atMs).toISOString();
}
