import type { ChildProcess } from "node:child_process";
import { EventEmitter } from "node:events";
import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../base/clock.ts";
import type { Place } from "../fabric/fabric.ts";
import { Supervised } from "./supervised.ts";

/** A place whose processes end when the test says so. */
class FakePlace implements Place {
  readonly address = "10.200.0.2";
  readonly appAddress = undefined;
  readonly started: (EventEmitter & { stderr: PassThrough })[] = [];
  readonly signals: string[] = [];

  start(): ReturnType<Place["start"]> {
    const child = Object.assign(new EventEmitter(), {
      stdin: new PassThrough(),
      stderr: new PassThrough(),
      exitCode: null,
      pid: this.started.length + 1,
    });
    this.started.push(child);
    return {
      child: child as unknown as ChildProcess,
      signal: (name) => this.signals.push(name),
    };
  }

  remove(): void {}

  end(code: number): void {
    this.started.at(-1)?.emit("close", code, null);
  }
}

function supervised(): { clock: VirtualClock; place: FakePlace; said: string[]; it: Supervised } {
  const clock = new VirtualClock();
  const place = new FakePlace();
  const said: string[] = [];
  const program = { argv: ["x"], env: {}, stdio: "pipe", folder: "/", as: "app" } as const;
  const say = (line: string): number => said.push(line);
  const options = { title: "default/x: container x", place, program, clock, say };
  return { clock, place, said, it: new Supervised(options) };
}

describe("a supervised process", () => {
  it("is started again after it ends, later each time", () => {
    const { clock, place, said } = supervised();
    for (const delayMs of [250, 500, 1000]) {
      const before = place.started.length;
      place.end(1);
      clock.advance(delayMs - 1);
      expect(place.started).toHaveLength(before);
      clock.advance(1);
      expect(place.started).toHaveLength(before + 1);
    }
    expect(said[0]).toBe("default/x: container x ended (status 1), starts again in 250ms");
  });

  it("begins with the shortest pause again when it had recovered", () => {
    const { clock, place, said } = supervised();
    place.end(1);
    clock.advance(250);
    clock.advance(31_000);
    place.end(0);
    expect(said[1]).toContain("in 250ms");
  });

  it("is not started again once it has been stopped", async () => {
    const { clock, place, it: process } = supervised();
    const stopped = process.stop(2000);
    expect(place.signals).toEqual(["SIGTERM"]);
    place.end(0);
    await stopped;
    clock.advance(60_000);
    expect(place.started).toHaveLength(1);
  });

  it("is waited for no longer than its grace", async () => {
    const { clock, it: process } = supervised();
    const stopped = process.stop(2000);
    clock.advance(2000);
    await stopped;
  });
});
