// hot path: no allocation per request
import { ID } from "../../../codec/http/header-name.ts";
import type { RequestMessage } from "../../../codec/http/message.ts";
import type { RequestHead } from "../../route/request-head.ts";

/** A body whose length no field says goes in chunks. */
export function goesInChunks({ headers }: RequestHead, { body }: RequestMessage): boolean {
  return body === "chunked" || (body === "length" && !headers.has(ID["content-length"]));
}

/** The request's head on the wire. */
export function requestText(request: RequestHead, head: RequestMessage): string {
  const { headers, method, path } = request;
  let tail = "";
  if (goesInChunks(request, head)) tail = "transfer-encoding: chunked\r\n";
  else if (head.body === "none" && head.contentLength < 0 && mayHaveBody(method)) {
    tail = "content-length: 0\r\n";
  }
  if (head.upgrade !== "") tail = "connection: upgrade\r\n";
  const target = method === "CONNECT" ? request.authority : path;
  return `${method} ${target} HTTP/1.1\r\n${headers.write()}${tail}\r\n`;
}

/** Requests with other methods say so when they have no body (Envoy: requestShouldHaveNoBody). */
function mayHaveBody(method: string): boolean {
  if (method === "GET" || method === "HEAD" || method === "DELETE") return false;
  return method !== "CONNECT" && method !== "TRACE";
}
