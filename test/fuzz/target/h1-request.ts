import { forwardedRequests } from "../../support/forwarded.ts";
import { requestEvents } from "../../support/h1-events.ts";
import { nodeRequests } from "../../support/node-parser.ts";
import { readVectors } from "../../support/vector-file.ts";
import { H1_TOKENS } from "./h1-tokens.ts";
import { saysTheSame } from "./says-the-same.ts";
import { eventsOfAnyCut, type FuzzTarget, kindOf } from "./target.ts";

const FILES = ["request-head.md", "request-body.md"];
const vectors = FILES.flatMap((file) =>
  readVectors(new URL(`../../vectors/h1/${file}`, import.meta.url)),
);

/** What clients send; what we send on, Node's strict parser reads as we did. */
export const h1Request: FuzzTarget = {
  name: "h1-request",
  seeds: vectors.map(({ bytes }) => bytes),
  tokens: H1_TOKENS,
  async run(input, random) {
    const events = eventsOfAnyCut(input, random, requestEvents);
    const forwarded = forwardedRequests(input);
    if (forwarded.messages.length > 0) {
      saysTheSame(await nodeRequests(forwarded.bytes), forwarded);
    }
    return kindOf(events);
  },
};
