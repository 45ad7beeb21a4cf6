import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { frame, framesOf } from "../../../test/support/h2-notation.ts";
import { End, type KeepingOwner, Pair } from "../../../test/support/h2-pair.ts";
import { HeaderTable } from "../http/header-table.ts";
import { CANCEL } from "./error-code.ts";

const TEXT = Buffer.from(Array.from({ length: 200_000 }, (_, i) => 97 + (i % 26)));
const NO_HEADERS = new HeaderTable();
const RUNS = { numRuns: 40 };

const size = fc.oneof(fc.nat(50), fc.nat(20_000), fc.nat(200_000));
const settings = fc.record({
  initialStreamWindowSize: fc.oneof(
    fc.integer({ min: 500, max: 3000 }),
    fc.integer({ min: 500, max: 1_000_000 }),
  ),
  initialConnectionWindowSize: fc.integer({ min: 65_535, max: 200_000 }),
});
const transfer = fc.record({
  pieces: fc.array(size, { maxLength: 4 }),
  trailers: fc.boolean(),
  answer: size,
});

function lengthOf(pieces: readonly number[]): number {
  return pieces.reduce((sum, piece) => sum + piece, 0);
}

/** The letters that these pieces are. */
function textOf(pieces: readonly number[]): string {
  return pieces.map((piece) => TEXT.toString("latin1", 0, piece)).join("");
}

function send(owner: KeepingOwner, pieces: readonly number[], trailers: boolean): void {
  const { stream } = owner;
  for (const piece of pieces) {
    const read = Buffer.from(TEXT.subarray(0, piece));
    stream?.sendData(read, 0, piece);
    read.fill(0);
  }
  if (!trailers) stream?.end();
  else {
    const table = new HeaderTable();
    table.addName("x-checksum", `${lengthOf(pieces)}`);
    stream?.sendTrailers(table);
  }
}

describe("two sessions", () => {
  it("carry any bodies over any windows in any cut", () => {
    fc.assert(
      fc.property(
        settings,
        settings,
        fc.array(transfer, { minLength: 1, maxLength: 6 }),
        fc.infiniteStream(fc.integer({ min: 1, max: 40_000 })),
        (clientSettings, serverSettings, transfers, cuts) => {
          const pair = new Pair(clientSettings, serverSettings);
          const asked = transfers.map(({ pieces, trailers }) => {
            const owner = pair.client.ask("POST", false);
            send(owner, pieces, trailers);
            return owner;
          });
          const cut = (): number => cuts.next().value ?? 1;
          pair.run(cut);
          for (const [i, taken] of pair.server.accepted.entries()) {
            taken.stream?.sendResponse(200, NO_HEADERS, false);
            send(taken, [transfers[i]?.answer ?? 0], false);
          }
          pair.run(cut);
          for (const [i, { pieces, trailers, answer }] of transfers.entries()) {
            const taken = pair.server.accepted[i];
            expect(taken?.body).toBe(textOf(pieces));
            expect(taken).toMatchObject({ ended: true, trailers: trailers ? 1 : 0 });
            expect(asked[i]).toMatchObject({ bytes: answer, ended: true, blocked: false });
          }
          expect(pair.client.session.openStreams + pair.server.session.openStreams).toBe(0);
        },
      ),
      RUNS,
    );
  });

  it("let all others through where one is paused", () => {
    fc.assert(
      fc.property(
        settings,
        fc.array(size, { minLength: 2, maxLength: 8 }),
        fc.nat(7),
        (serverSettings, sizes, which) => {
          const pair = new Pair({}, serverSettings);
          const stalled = which % sizes.length;
          const asked = sizes.map(() => pair.client.ask("POST", false));
          pair.run();
          pair.server.accepted[stalled]?.stream?.pause();
          for (const [i, owner] of asked.entries()) send(owner, [sizes[i] ?? 0], false);
          pair.run();
          for (const [i, taken] of pair.server.accepted.entries()) {
            if (i !== stalled) expect(taken).toMatchObject({ bytes: sizes[i], ended: true });
          }
        },
      ),
      RUNS,
    );
  });
});

/** Two paused streams hold all that streams may hold together. */
const TIGHT = { initialStreamWindowSize: 60_000, initialConnectionWindowSize: 65_535 };

/** What befalls the stream of this number; a nat too large means nothing. */
const mishap = fc.record({
  kind: fc.constantFrom("pause", "resume", "server resets", "client resets", "run"),
  which: fc.nat(7),
});

function befall({ server }: Pair, asked: readonly KeepingOwner[], kind: string, i: number) {
  const taken = server.accepted[i]?.stream;
  if (kind === "pause") taken?.pause();
  else if (kind === "resume") taken?.resume();
  else if (kind === "server resets") taken?.reset(CANCEL);
  else if (kind === "client resets") asked[i]?.stream?.reset(CANCEL);
}

it("whatever streams were paused and reset, later ones have the whole window", () => {
  fc.assert(
    fc.property(
      fc.oneof(settings, fc.constant(TIGHT)),
      fc.array(size, { minLength: 4, maxLength: 8 }),
      fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }),
      fc.array(mishap, { maxLength: 40 }),
      fc.infiniteStream(fc.integer({ min: 1, max: 60_000 })),
      (serverSettings, sizes, paused, mishaps, cuts) => {
        const pair = new Pair({}, serverSettings);
        const asked = sizes.map(() => pair.client.ask("POST", false));
        pair.run();
        for (const [i, owner] of pair.server.accepted.entries()) {
          if (paused[i] === true) owner.stream?.pause();
        }
        for (const [i, owner] of asked.entries()) send(owner, [sizes[i] ?? 0], false);
        const cut = (): number => cuts.next().value ?? 1;
        for (const { kind, which } of mishaps) {
          if (kind === "run") pair.run(cut);
          else pair.carry(pair.client, pair.server, cut);
          if (isOpen(pair, asked, which)) befall(pair, asked, kind, which);
        }
        pair.run(cut);
        for (let i = 0; i < asked.length; i++) {
          if (isOpen(pair, asked, i)) pair.server.accepted[i]?.stream?.reset(CANCEL);
        }
        pair.run();
        const last = pair.client.ask("POST", false);
        send(last, [200_000, 200_000, 200_000], false);
        pair.run();
        expect(pair.server.accepted.at(-1)).toMatchObject({ bytes: 600_000, ended: true });
        expect(pair.client.events.filter((event) => event.startsWith("error"))).toEqual([]);
        expect(pair.server.events.filter((event) => event.startsWith("error"))).toEqual([]);
      },
    ),
    RUNS,
  );
});

/** Neither side has let go of it: its object may serve another stream after that. */
function isOpen({ server }: Pair, asked: readonly KeepingOwner[], i: number): boolean {
  const taken = server.accepted[i];
  if (taken === undefined || taken.reset !== undefined) return false;
  return asked[i]?.reset === undefined && taken.stream?.owner === taken;
}

describe("any bytes", () => {
  const payload = fc.uint8Array({ maxLength: 40 });
  const anyFrame = fc
    .tuple(fc.nat(11), fc.nat(63), fc.nat(6), payload)
    .map(([type, flags, id, bytes]) => frame(type, flags, id, Buffer.from(bytes)));
  // Frames that mean something, so that not all runs end with the first one.
  const goodFrame = fc
    .constantFrom(
      "HEADERS 1\n  :method: POST\n  :scheme: http\n  :authority: a\n  :path: /",
      "HEADERS 3 MORE\n  :method: GET\n  :scheme: http\n",
      "CONTINUATION 3\n  :authority: a\n  :path: /",
      "HEADERS 1 END_STREAM\n  :status: 200",
      "HEADERS 1\n  :status: 103",
      "HEADERS 1 END_STREAM\n  x-a: b",
      'DATA 1 PADDED=3 "hello"',
      'DATA 3 END_STREAM "hello"',
      "SETTINGS INITIAL_WINDOW_SIZE=5",
      "WINDOW_UPDATE 1 5",
      'PING "12345678"',
      "RST_STREAM 1 CANCEL",
    )
    .map(framesOf);
  const anyBytes = fc.oneof(
    fc
      .array(fc.oneof({ weight: 4, arbitrary: goodFrame }, anyFrame), { maxLength: 20 })
      .map((frames) => Buffer.concat(frames)),
    fc.array(anyFrame, { maxLength: 20 }).map((frames) => Buffer.concat(frames)),
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  );

  it.each(["server", "client"] as const)("are an error of a %s at most, in any cut", (role) => {
    const opening = framesOf(role === "server" ? "PREFACE\nSETTINGS\n" : "SETTINGS\n");
    const eventsOf = (bytes: Buffer, cut: number): unknown => {
      const end = new End(role);
      if (role === "client") end.ask("POST", false);
      end.output.flush();
      for (const piece of [opening, bytes.subarray(0, cut), bytes.subarray(cut)]) {
        end.session.read(piece, 0, piece.length);
      }
      return [end.events, end.output.flush().toString("hex")];
    };
    fc.assert(
      fc.property(anyBytes, fc.nat(), (bytes, cut) => {
        expect(eventsOf(bytes, cut % (bytes.length + 1))).toEqual(eventsOf(bytes, bytes.length));
      }),
      { numRuns: 500 },
    );
  });
});
