// hot path: no allocation per request
import type { RequestMessage } from "../../../codec/http/message.ts";
import type { RequestHead } from "../../route/request-head.ts";

/** The request's head on the wire. A body of unknown length goes in chunks. */
export function requestText(request: RequestHead, head: RequestMessage): string {
  const { headers, method, path } = request;
  let tail = "";
  if (head.body === "chunked") tail = "transfer-encoding: chunked\r\n";
  else if (head.body === "none" && head.contentLength < 0 && hasBody(method)) {
    tail = "content-length: 0\r\n";
  }
  if (head.upgrade !== "") tail = "connection: upgrade\r\n";
  return `${method} ${path} HTTP/1.1\r\n${headers.write()}${tail}\r\n`;
}

/** Methods whose requests say so when they have no body. */
function hasBody(method: string): boolean {
  return method === "POST" || method === "PUT" || method === "PATCH";
}
