import { forwardedResponse } from "../../support/forwarded.ts";
import { responseEvents } from "../../support/h1-events.ts";
import { nodeResponse } from "../../support/node-parser.ts";
import { readVectors } from "../../support/vector-file.ts";
import { H1_TOKENS } from "./h1-tokens.ts";
import { saysTheSame } from "./says-the-same.ts";
import { eventsOfAnyCut, type FuzzTarget, kindOf } from "./target.ts";

const vectors = readVectors(new URL("../../vectors/h1/response.md", import.meta.url));
const METHODS = ["GET", "HEAD", "POST"];

/** What endpoints answer until they close; what goes on, Node's strict parser reads as we did. */
export const h1Response: FuzzTarget = {
  name: "h1-response",
  seeds: vectors.map(({ bytes }) => bytes),
  tokens: H1_TOKENS,
  async run(input, random) {
    const method = METHODS[random.below(METHODS.length)] ?? "GET";
    const eventsOf = (pieces: readonly Buffer[]): readonly string[] =>
      responseEvents(pieces, { method, close: true });
    const events = eventsOfAnyCut(input, random, eventsOf);
    const forwarded = forwardedResponse(input, method);
    if (forwarded !== undefined) {
      saysTheSame(await nodeResponse(forwarded.bytes, method), forwarded);
    }
    return kindOf(events);
  },
};
