import type { Forwarded } from "../../support/forwarded.ts";
import type { Reading } from "../../support/node-parser.ts";
import { mustHold } from "./target.ts";

/** The other parser finds the same messages: no more, no fewer, with the same fields and bodies. */
export function saysTheSame(reading: Reading, { bytes, messages }: Forwarded): void {
  const found = (): string => {
    const seen = JSON.stringify(reading.messages);
    return `${JSON.stringify(bytes.toString("latin1"))} is ${reading.error} ${seen}`;
  };
  mustHold(reading.error === undefined, "what goes on is well-formed", found);
  mustHold(reading.messages.length === messages.length, "as many go on as came", found);
  for (const [i, { line, fields, body }] of messages.entries()) {
    const theirs = reading.messages[i];
    mustHold(theirs?.line === line && theirs.body === body, "line and body are the same", found);
    // Behind them stand only those that frame the message on this connection.
    const same = fields.every((field, n) => field === theirs?.fields[n]);
    const more = theirs?.fields.slice(fields.length) ?? [];
    mustHold(same && more.every((field) => OWN.test(field)), "fields are the same", found);
  }
}

const OWN = /^(?:transfer-encoding: chunked|content-length: 0|connection: (?:upgrade|close))$/;
