import { describe, expect, it } from "vitest";
import { type End, getFrame, reads, serverAfter } from "../../../../test/support/h2-pair.ts";
import { HeaderTable } from "../../http/header-table.ts";
import { ENHANCE_YOUR_CALM } from "../error-code.ts";

const NO_HEADERS = new HeaderTable();

describe("a peer that floods", () => {
  const calm = `error ${ENHANCE_YOUR_CALM}`;
  const errors = (end: End): string[] =>
    end.events.filter((event) => event.startsWith("error")).map((event) => event.slice(0, 8));

  it("may have 1000 answers unread", () => {
    const server = serverAfter('PING "12345678" * 999\n');
    expect(errors(server)).toEqual([]);
    reads(server, 'PING "12345678"\n');
    expect(errors(server)).toEqual([calm]);
  });

  it("may ask for ever where it reads the answers", () => {
    const server = serverAfter("");
    for (let i = 0; i < 10; i++) {
      server.output.flush();
      reads(server, 'PING "12345678" * 500\n');
    }
    expect(errors(server)).toEqual([]);
  });

  const opened = (from: number, count: number, then: (id: number) => string): string =>
    Array.from({ length: count }, (_, i) => `${getFrame(from + 2 * i)}${then(from + 2 * i)}`).join(
      "",
    );
  const reset = (id: number): string => `RST_STREAM ${id} CANCEL\n`;

  it("is cut off where it resets more than 100 and half of its requests at once", () => {
    const server = serverAfter(opened(1, 199, reset));
    expect(errors(server)).toEqual([]);
    reads(server, opened(399, 2, reset));
    expect(errors(server)).toEqual([calm]);
  });

  it("may reset what has waited for a second, and what was answered", () => {
    const server = serverAfter("");
    for (let id = 1; id < 1000; id += 2) {
      reads(server, getFrame(id));
      if (id % 4 === 1) server.nowMs += 1000;
      else server.accepted.at(-1)?.stream?.sendResponse(200, NO_HEADERS, false);
      reads(server, reset(id));
      server.output.flush();
    }
    expect(errors(server)).toEqual([]);
  });

  it("is cut off where it makes us reset instead", () => {
    const fault = (id: number): string => `WINDOW_UPDATE ${id} 0\n`;
    const server = serverAfter(opened(1, 199, fault));
    expect(errors(server)).toEqual([]);
    reads(server, opened(399, 2, fault));
    expect(errors(server)).toEqual([calm]);
  });
});
