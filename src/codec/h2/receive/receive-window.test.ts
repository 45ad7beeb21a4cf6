import { expect, it } from "vitest";
import { type End, getFrame, reads, serverAfter } from "../../../../test/support/h2-pair.ts";
import { CANCEL, FLOW_CONTROL_ERROR } from "../error-code.ts";

const SMALL = { initialStreamWindowSize: 65_535, initialConnectionWindowSize: 65_535 };

/** A server whose paused streams have got 48,000 bytes each. */
function holding(...ids: readonly number[]): End {
  const server = serverAfter("", SMALL);
  for (const [i, id] of ids.entries()) {
    reads(server, getFrame(id).replace(" END_STREAM", "").replace("GET", "POST"));
    server.accepted[i]?.stream?.pause();
    reads(server, `DATA ${id} 16000x * 3\n`);
  }
  return server;
}

function updates(server: End): string[] {
  return server.written().filter((line) => line.startsWith("WINDOW_UPDATE"));
}

it("a paused stream takes nothing of the connection's window from others", () => {
  expect(updates(holding(1))).toEqual(["WINDOW_UPDATE 0 48000"]);
});

it("paused streams together hold no more than the connection's window once more", () => {
  const server = holding(1, 3);
  expect(updates(server)).toEqual(["WINDOW_UPDATE 0 48000"]);
  reads(server, "DATA 3 16000x\nDATA 1 1535x\n");
  expect(updates(server)).toEqual([]);
  reads(server, "DATA 1 1x\n");
  expect(server.events.at(-1)).toMatch(`error ${FLOW_CONTROL_ERROR} `);
});

it("the connection gets its window back when a stream reads on", () => {
  const server = holding(1, 3);
  server.output.flush();
  server.accepted[0]?.stream?.resume();
  expect(updates(server)).toEqual(["WINDOW_UPDATE 0 48000", "WINDOW_UPDATE 1 48000"]);
});

it("the connection gets its window back when a stream has ended, by whomever", () => {
  const server = holding(1, 3);
  server.output.flush();
  server.accepted[1]?.stream?.reset(CANCEL);
  expect(updates(server)).toEqual(["WINDOW_UPDATE 0 48000"]);
  const other = holding(1, 3);
  other.output.flush();
  reads(other, "RST_STREAM 1 CANCEL\n");
  expect(updates(other)).toEqual(["WINDOW_UPDATE 0 48000"]);
});

it("nothing is given back behind the session's end", () => {
  const server = holding(1, 3);
  server.output.flush();
  server.session.disconnect();
  expect(server.written()).toEqual([]);
});
