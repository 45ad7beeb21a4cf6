import { reasonOf } from "../../codec/h1/status.ts";

/** The answer to bytes that are no request: the connection ends with it. */
export function refusalText(status: number, body: string, date: string, server: string): string {
  const described =
    body === "" ? "" : `content-length: ${body.length}\r\ncontent-type: text/plain\r\n`;
  const end = body === "" ? "content-length: 0\r\n" : "";
  return (
    `HTTP/1.1 ${status} ${reasonOf(status)}\r\n${described}date: ${date}\r\n` +
    `server: ${server}\r\nconnection: close\r\n${end}\r\n${body}`
  );
}
